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
pub(crate) fn run(
    job: &Job,
    records: &Records<'_>,
    spreads: bool,
    writer: Writer,
    sink: &Sink,
) -> Step<Verdict> {
    let mut engine = Engine {
        job,
        records,
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
        let inputs = Inputs::Records(self.records);
        match program.run(value, &inputs, &mut |result| self.write(&result))? {
            None => Ok(()),
            Some(why) => job.fail(failed_record(self.place().as_deref(), &why)),
        }
    }

    fn write(&mut self, value: &Value) -> Step {
        self.verdict = verdict(value);
        let (writer, sink) = (&mut self.writer, self.sink);
        match sink.append(|out| writer.write_record(value, out))? {
            Ok(()) => Ok(()),
            Err(error) => self.job.fail(data_error(self.place().as_deref(), &error)),
        }
    }

    /// The record in hand, if there is a certain one.
    fn place(&self) -> Option<String> {
        (!self.job.is_one_run()).then(|| self.records.place())
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

/// The program failed, with this record if it was a certain one.
pub(crate) fn failed_record(place: Option<&str>, why: &str) -> Error {
    let why = match place {
        Some(place) => format!("{place}: {why}"),
        None => why.to_owned(),
    };
    Error::new(Kind::Rejected, Operation::Run, why)
}
