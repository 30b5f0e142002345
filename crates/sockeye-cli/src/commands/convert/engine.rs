//! One record after the other: the program runs on it, the results are written.

use sockeye::data::record::WriteRecords as _;
use sockeye::data::value::Value;
use sockeye::{Error, Kind, Operation};

use super::job::{Job, Verdict, data_error, verdict};
use super::program::Inputs;
use super::records::Records;
use super::sink::{Sink, Step};
use super::write::{Writer, finish_into};

/// Run the job on all records, one after the other.
pub(crate) fn run<'a>(
    job: &'a Job,
    records: &'a Records<'a>,
    spreads: bool,
    writer: Writer,
    sink: &'a Sink,
) -> Step<Verdict> {
    let mut engine = Engine {
        job,
        records,
        inputs: Inputs::of(records, &job.output),
        writer,
        sink,
        verdict: Verdict::Nothing,
    };
    if job.is_slurped() {
        let mut all = Vec::new();
        while let Some(value) = records.next()? {
            all.push(value);
        }
        engine.apply(Value::array(all))?;
    } else if job.jq.null_input {
        engine.apply(Value::Null)?;
    } else {
        while let Some(value) = records.next()? {
            match &value {
                Value::Array(items) if spreads => {
                    for item in items.iter() {
                        engine.apply(item.clone())?;
                    }
                }
                _ => engine.apply(value)?,
            }
        }
    }
    engine.finish()
}

struct Engine<'a> {
    job: &'a Job,
    records: &'a Records<'a>,
    inputs: Inputs<'a>,
    writer: Writer,
    sink: &'a Sink,
    verdict: Verdict,
}

impl Engine<'_> {
    /// Run the program on a value, if there is one, and write what comes.
    fn apply(&mut self, value: Value) -> Step {
        let job = self.job;
        let Some(program) = &job.program else {
            return self.write(&value);
        };
        let Self {
            records,
            inputs,
            writer,
            sink,
            verdict: last,
            ..
        } = self;
        inputs.set_file(records.name().as_deref());
        let failed = program.run(value, inputs, records.streams(), &mut |result| {
            *last = verdict(&result);
            write(job, records, writer, sink, &result)
        })?;
        match failed {
            None => Ok(()),
            Some(why) => job.fail(failed_record(place(job, self.records).as_deref(), &why)),
        }
    }

    fn write(&mut self, value: &Value) -> Step {
        self.verdict = verdict(value);
        write(self.job, self.records, &mut self.writer, self.sink, value)
    }

    fn finish(mut self) -> Step<Verdict> {
        let writer = &mut self.writer;
        if let Err(error) = finish_into(self.sink, |end| writer.finish_into(end))? {
            self.job.fail(data_error(None, &error))?;
        }
        self.sink.flush()?;
        Ok(self.verdict)
    }
}

fn write(
    job: &Job,
    records: &Records<'_>,
    writer: &mut Writer,
    sink: &Sink,
    value: &Value,
) -> Step {
    match sink.append(|out| writer.write_record(value, out))? {
        Ok(()) => Ok(()),
        Err(error) => job.fail(data_error(place(job, records).as_deref(), &error)),
    }
}

/// The record in hand, if there is a certain one.
fn place(job: &Job, records: &Records<'_>) -> Option<String> {
    (!job.is_one_run()).then(|| records.place())
}

/// The program failed, with this record if it was a certain one.
pub(crate) fn failed_record(place: Option<&str>, why: &str) -> Error {
    let why = match place {
        Some(place) => format!("{place}: {why}"),
        None => why.to_owned(),
    };
    Error::new(Kind::Rejected, Operation::Run, why)
}
