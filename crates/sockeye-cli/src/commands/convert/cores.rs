//! All cores on one input: pieces that end with a record, in order in and in order out.
//!
//! Where a pipe has no more for now, pieces are smaller and their results are written at once.

use std::sync::{Mutex, PoisonError};

use sockeye::data::parallel::{Threads, in_order};
use sockeye::data::record::{ErrorKind, Position, ReadRecords};
use sockeye::data::value::Value;

use super::cut::{Piece, Pieces, Reading, is_cuttable};
use super::engine::failed_record;
use super::job::{Job, Verdict, data_error, verdict};
use super::open;
use super::program::Inputs;
use super::records::{called, counts_lines};
use super::sink::{Halt, Sink, Step};
use super::source::Source;
use super::straight::Straight;
use super::write::{Join, PieceWriter, Product, Target};

/// Programs recurse, on each thread.
pub(crate) const STACK: usize = 256 << 20;

/// So many records of an input that cannot be cut are converted at a time.
const BATCH: usize = 1000;

/// Why a source is not shared among cores; `None`: it is.
pub(crate) fn why_not(job: &Job, source: &Source, target: &Target) -> Option<&'static str> {
    let takes_more = |job: &Job| {
        job.program
            .as_ref()
            .is_some_and(|p| p.is_stateless().is_err())
    };
    if job.is_one_run() {
        Some("one core: -n and -s are one run over all records")
    } else if takes_more(job) {
        Some("one core: the program looks at more than its record")
    } else if job.formats.limits.skips() && job.formats.csv.is_strict() {
        Some("one core: which record has other columns than the first one is found in order")
    } else if !is_cuttable(source.format(), &job.formats) {
        Some("one core: only ndjson, and csv and tsv with a header, are cut between records")
    } else if !source.is_cuttable() {
        Some("one core: nobody knows when a pipe that is inflated or recoded has no more for now")
    } else if Join::new(target, &job.formats).is_none() {
        Some("one core: what is written is not put together from pieces")
    } else {
        None
    }
}

/// What was made of some records.
struct Made {
    product: Product,
    failures: Vec<sockeye::Error>,
    /// The program ended everything.
    halt: Option<Halt>,
    verdict: Verdict,
}

/// What a worker made of a piece.
struct MadeOfPiece {
    made: Made,
    /// Nothing else was there.
    is_live: bool,
    /// The piece's room.
    room: Vec<u8>,
}

/// What is made comes together here, in order.
struct Gathering<'a> {
    job: &'a Job,
    name: Option<&'a str>,
    join: &'a mut Join,
    sink: &'a Sink,
    last: Verdict,
}

impl Gathering<'_> {
    /// The next product, and what failed with it.
    fn take(&mut self, made: Made) -> Step {
        let join = &mut *self.join;
        if let Err(error) = self.sink.append(|out| join.append(&made.product, out))? {
            self.job.fail(data_error(self.name, &error))?;
        }
        if made.verdict != Verdict::Nothing {
            self.last = made.verdict;
        }
        for failure in made.failures {
            self.job.fail(failure)?;
        }
        made.halt.map_or(Ok(()), Err)
    }
}

/// Convert a source on all cores. The results are put together by `join`, which may have those of other sources.
pub(crate) fn run(
    job: &Job,
    target: &Target,
    source: Source,
    join: &mut Join,
    sink: &Sink,
) -> Step<Verdict> {
    let name = source.name.clone();
    let name = name.as_deref();
    let format = source.format();
    let limit = job.formats.limits.limits().record;
    let failed = |error| Halt::Failed(data_error(name, &error));
    let begun = Pieces::new(source.bytes(&job.formats), format, &job.formats);
    let (mut pieces, reading) = begun.map_err(failed)?;
    let rooms = Rooms::default();
    let threads = Threads {
        workers: job.formats.limits.threads(),
        stack_bytes: job.stack,
    };
    let worker = Worker {
        job,
        name,
        target,
        is_lazy: counts_lines(format),
    };
    let straight = Straight::new(job, target, &reading);
    let is_only = job.files.len() < 2;
    if let Some(columns) = straight.as_ref().and_then(Straight::columns)
        && is_only
    {
        join.expect_columns(columns);
    }
    let mut gathering = Gathering {
        job,
        name,
        join,
        sink,
        last: Verdict::Nothing,
    };
    in_order(
        threads,
        || pieces.next(rooms.take(), limit).map_err(failed),
        || |piece| worker.make(piece, &reading, straight.as_ref()),
        |of_piece: MadeOfPiece| {
            rooms.give(of_piece.room);
            gathering.take(of_piece.made)?;
            match of_piece.is_live {
                true => sink.flush(),
                false => Ok(()),
            }
        },
    )?;
    Ok(gathering.last)
}

/// Convert a source that cannot be cut, between others that can.
pub(crate) fn run_alone(
    job: &Job,
    target: &Target,
    source: Source,
    join: &mut Join,
    sink: &Sink,
) -> Step<Verdict> {
    let name = source.name.clone();
    let format = source.format();
    let bytes = source.bytes(&job.formats);
    let mut records = open::reader(format, Box::new(bytes), &job.formats, None)?;
    let worker = Worker {
        job,
        name: name.as_deref(),
        target,
        is_lazy: counts_lines(format),
    };
    let mut gathering = Gathering {
        job,
        name: name.as_deref(),
        join,
        sink,
        last: Verdict::Nothing,
    };
    loop {
        let mut making = worker.begin(0);
        let is_over = worker.read(&mut records, &mut making, BATCH);
        gathering.take(making.finish())?;
        if is_over {
            return Ok(gathering.last);
        }
    }
}

#[derive(Clone, Copy)]
struct Worker<'a> {
    job: &'a Job,
    name: Option<&'a str>,
    target: &'a Target,
    /// The place of a record is asked for behind it, see [`counts_lines`].
    is_lazy: bool,
}

/// What comes of a piece while it is worked on.
struct Making {
    writer: PieceWriter,
    out: Vec<u8>,
    failures: Vec<sockeye::Error>,
    halt: Option<Halt>,
    verdict: Verdict,
}

impl Making {
    fn finish(mut self) -> Made {
        Made {
            product: self.writer.finish(self.out),
            failures: self.failures,
            halt: self.halt,
            verdict: self.verdict,
        }
    }
}

impl Worker<'_> {
    fn begin(self, room: usize) -> Making {
        Making {
            writer: Join::piece_writer(self.target, &self.job.formats),
            out: Vec::with_capacity(room),
            failures: Vec::new(),
            halt: None,
            verdict: Verdict::Nothing,
        }
    }

    fn make(self, piece: Piece, reading: &Reading, straight: Option<&Straight>) -> MadeOfPiece {
        let made = match straight.and_then(|way| way.make(piece.bytes())) {
            Some((product, verdict)) => Made {
                product,
                failures: Vec::new(),
                halt: None,
                verdict,
            },
            None => self.read_all(&piece, reading),
        };
        MadeOfPiece {
            made,
            is_live: piece.is_live,
            room: piece.into_room(),
        }
    }

    fn read_all(self, piece: &Piece, reading: &Reading) -> Made {
        let mut making = self.begin(piece.bytes().len());
        let mut records = open::piece_reader(piece.bytes(), piece.start, reading);
        self.read(&mut records, &mut making, usize::MAX);
        drop(records);
        making.finish()
    }

    /// Convert so many records. True: there are no more, or it has come to an end.
    fn read(self, records: &mut dyn ReadRecords, making: &mut Making, count: usize) -> bool {
        let inputs = Inputs::none(&self.job.output);
        inputs.set_file(self.name);
        for _ in 0..count {
            let before = (!self.is_lazy).then(|| records.position());
            match records.next_record() {
                Ok(Some(value)) => {
                    let place = || before.unwrap_or_else(|| records.position());
                    self.apply(value, &place, &inputs, making);
                }
                Ok(None) => return true,
                Err(error) => {
                    making.failures.push(data_error(self.name, &error));
                    if matches!(error.kind(), ErrorKind::Io(_)) {
                        return true;
                    }
                }
            }
            if self.is_stopped(making) {
                return true;
            }
        }
        false
    }

    fn is_stopped(self, making: &Making) -> bool {
        let has_failed = !making.failures.is_empty() && !self.job.formats.limits.skips();
        has_failed || making.halt.is_some()
    }

    fn apply(
        self,
        value: Value,
        place: &dyn Fn() -> Position,
        inputs: &Inputs<'_>,
        making: &mut Making,
    ) {
        let Some(program) = &self.job.program else {
            return self.write(&value, place, making);
        };
        let outcome = program.run(value, inputs, false, &mut |result| {
            self.write(&result, place, making);
            match self.is_stopped(making) {
                // The failure is known: this only ends the program.
                true => Err(Halt::Closed),
                false => Ok(()),
            }
        });
        match outcome {
            Ok(None) | Err(Halt::Closed) => {}
            Ok(Some(why)) => {
                let place = self.called(place());
                making.failures.push(failed_record(Some(&place), &why));
            }
            Err(halt) => making.halt = Some(halt),
        }
    }

    fn write(self, value: &Value, place: &dyn Fn() -> Position, making: &mut Making) {
        match making.writer.write(value, &mut making.out) {
            Ok(()) => making.verdict = verdict(value),
            Err(error) => {
                let place = self.called(place());
                making.failures.push(data_error(Some(&place), &error));
            }
        }
    }

    fn called(self, place: Position) -> String {
        called(self.name, place)
    }
}

/// Rooms for pieces, used again: the allocator would give and take megabytes all the time.
#[derive(Default)]
struct Rooms(Mutex<Vec<Vec<u8>>>);

impl Rooms {
    fn take(&self) -> Vec<u8> {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.pop().unwrap_or_default()
    }

    fn give(&self, room: Vec<u8>) {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.push(room);
    }
}
