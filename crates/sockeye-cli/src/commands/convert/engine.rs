//! One record after the other: the program runs on it, the results are written.

use sockeye::data::format::Format;
use sockeye::data::record::WriteRecords as _;
use sockeye::data::value::Value;
use sockeye::{Error, Kind, Operation};

use super::args::To;
use super::job::{Job, Verdict, data_error, verdict};
use super::program::Inputs;
use super::records::Records;
use super::sink::{Halt, Sink, Step};
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
    match engine.take_all(spreads) {
        Ok(()) => engine.finish(),
        Err(Halt::Failed(error)) if keeps_rows(job.target()) => {
            // The rows before it were kept for the sake of those behind it.
            engine.finish()?;
            Err(Halt::Failed(error))
        }
        Err(halt) => Err(halt),
    }
}

/// Whether what is written holds rows back until it has seen others, and needs no end.
pub(crate) fn keeps_rows(target: To) -> bool {
    matches!(target, To::Table | To::Format(Format::Csv | Format::Tsv))
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
    fn take_all(&mut self, spreads: bool) -> Step {
        let (job, records) = (self.job, self.records);
        if job.is_slurped() {
            let mut all = Vec::new();
            while let Some(value) = records.next()? {
                all.push(value);
            }
            return self.apply(Value::array(all));
        }
        if job.jq.null_input {
            return self.apply(Value::Null);
        }
        while let Some(value) = records.next()? {
            match &value {
                Value::Array(items) if spreads => {
                    for item in items.iter() {
                        self.apply(item.clone())?;
                    }
                }
                _ => self.apply(value)?,
            }
        }
        Ok(())
    }

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
        self.job.say_formulas(self.writer.formulas());
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
