//! What the flags mean together, understood once: what is read, what runs on it, and what is written.

use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use sockeye::data::format::Format;
use sockeye::{Error, Kind, Operation, Result};

use super::Args;
use super::args::{FormatArgs, JqArgs, OutputArgs, To};
use super::look::Drawing;
use super::program::Program;
use super::sink::{Halt, Step};
use super::source::Asked;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// What is to be done.
pub(crate) struct Job {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) asked: Asked,
    pub(crate) formats: FormatArgs,
    pub(crate) jq: JqArgs,
    pub(crate) to: Option<To>,
    /// The format was asked for by a flag or by the name of the output.
    pub(crate) is_to_given: bool,
    pub(crate) program: Option<Program>,
    pub(crate) plot: Drawing,
    /// Bytes of stack that each thread has.
    pub(crate) stack: usize,
    pub(crate) is_explained: bool,
    /// What is written stays in a file, which somebody may open as a spreadsheet.
    is_kept: bool,
    pub(crate) output: Output,
    failures: AtomicUsize,
}

/// How the results ended, for `-e`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// There was none.
    Nothing,
    /// The last was false or null.
    No,
    /// The last was something else.
    Yes,
}

/// Fields are columns: where nothing else is asked for, csv has them.
fn rows(to: Option<To>, args: &Args) -> Result<Option<To>> {
    match to {
        _ if args.formats.csv.fields.is_none() => Ok(to),
        None => Ok(Some(To::Format(Format::Csv))),
        Some(To::Format(Format::Csv | Format::Tsv)) => Ok(to),
        Some(_) => {
            let why =
                "--fields are the columns of csv and tsv; --jq '{a, b}' picks members of records";
            Err(Error::new(Kind::Usage, Operation::Parse, why))
        }
    }
}

impl Job {
    /// What these flags mean.
    pub(crate) fn new(args: &Args, stack: usize, output: Output) -> Result<Self> {
        let mut asked = Asked::new(&args.input)?;
        if args.formats.json.seq {
            asked = asked.with_format(args.input.from.or(Some(Format::JsonSeq)));
        }
        if args.jq.raw_input {
            let format = match args.jq.slurp {
                true => Format::Text,
                false => Format::Lines,
            };
            asked = asked.with_format(Some(format));
        }
        let mut files = args.input.files.clone();
        if files.is_empty() {
            files.push("-".into());
        }
        let to = rows(to(&args.output, &args.look)?, args)?;
        refuse_flags_of_json(&args.formats.json, to)?;
        let program = Program::compile(&args.jq, stack, &output)?;
        let mut formats = args.formats.clone();
        // An attribute that was asked for is wanted itself, not as JSON.
        formats.json.raw |= to.is_none() && program.is_none() && !formats.html.get.is_empty();
        if let Some(Some(table)) = args.look.table {
            formats.html.html_table = Some(table);
        }
        if let Some(program) = program
            .as_ref()
            .filter(|p| p.is_stateless().is_ok() && !args.jq.slurp)
        {
            formats.json.only = program.reads(false).map(<[_]>::to_vec);
            formats.json.only_of_elements = program.reads(true).map(<[_]>::to_vec);
        }
        Ok(Self {
            files,
            asked,
            formats,
            jq: args.jq.clone(),
            to,
            is_to_given: to.is_some(),
            program,
            stack,
            plot: drawing(args),
            is_explained: args.input.explain,
            is_kept: args.output.in_place || args.output.output.is_some() || is_stdout_a_file(),
            output,
            failures: AtomicUsize::new(0),
        })
    }

    /// The records come to the program by `input`, or all in one, not one by one.
    pub(crate) fn is_one_run(&self) -> bool {
        self.jq.null_input || self.is_slurped()
    }

    /// All records become one array. The text of `-R -s` is one record anyway.
    pub(crate) fn is_slurped(&self) -> bool {
        self.jq.slurp && !self.jq.raw_input
    }

    /// What is written.
    pub(crate) fn target(&self) -> To {
        self.to.unwrap_or(To::Format(Format::Json))
    }

    /// Whether what is written is one array of all records: a document of JSON made of rows.
    pub(crate) fn is_array(&self, input: Format, target: To) -> bool {
        use Format::{Csv, Html, JsonSeq, Lines, Mbox, Ndjson, Tsv};
        if target != To::Format(Format::Json)
            || self.program.is_some()
            || self.jq.slurp
            || self.is_bare()
        {
            return false;
        }
        match input {
            Csv | Tsv | Mbox => true,
            Html => self.formats.html.html_table.is_some(),
            Ndjson | JsonSeq | Lines => self.is_to_given,
            _ => false,
        }
    }

    /// Flags for what stands on a line ask for lines.
    fn is_bare(&self) -> bool {
        let json = &self.formats.json;
        json.compact || json.raw || json.join || json.nul || json.seq
    }

    /// Whether the items of arrays become records: rows are made of them.
    pub(crate) fn spreads(&self, target: To) -> bool {
        use Format::{Csv, JsonSeq, Lines, Ndjson, Tsv};
        let of_records = match target {
            To::Table | To::Plot => true,
            To::Format(format) => matches!(format, Csv | Tsv | Ndjson | JsonSeq | Lines),
        };
        of_records && self.is_to_given && self.program.is_none() && !self.is_one_run()
    }

    /// Write this format, which is not spread over records: a file that is edited stays what it is.
    pub(crate) fn keep_format(&mut self, to: To) {
        self.is_to_given = self.to.is_some();
        self.to = Some(to);
    }

    /// So many cells of a file would be run by a spreadsheet that opens it.
    pub(crate) fn say_formulas(&self, count: u64) {
        if count == 0 || !self.is_kept || self.formats.csv.excel_safe {
            return;
        }
        let cells = match count {
            1 => "1 cell looks like a formula".to_owned(),
            count => format!("{count} cells look like formulas"),
        };
        let why = format!("{cells} to a spreadsheet; --excel-safe makes them text");
        self.output.say(Level::Normal, why);
    }

    /// Whether a record failed so far.
    pub(crate) fn has_failed(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    /// A record failed: it is reported and left out, or it is the end.
    pub(crate) fn fail(&self, error: Error) -> Step {
        if !self.formats.limits.skips() {
            return Err(Halt::Failed(error));
        }
        self.output.error(&error);
        self.failures.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// How it ended, if nothing stopped it.
    pub(crate) fn outcome(&self, verdict: Verdict) -> Outcome {
        match verdict {
            _ if self.failures.load(Ordering::Relaxed) > 0 => Outcome::No,
            Verdict::Yes => Outcome::Done,
            _ if !self.jq.exit_status => Outcome::Done,
            Verdict::No => Outcome::No,
            Verdict::Nothing => Outcome::Code(4),
        }
    }
}

fn is_stdout_a_file() -> bool {
    let stdout = std::io::stdout().as_fd().try_clone_to_owned();
    let about = stdout.and_then(|stdout| std::fs::File::from(stdout).metadata());
    about.is_ok_and(|about| about.is_file())
}

/// Flags that only mean something for JSON, and text by its rules, are not passed by in silence.
fn refuse_flags_of_json(json: &super::args::JsonArgs, to: Option<To>) -> Result<()> {
    use Format::{Json, JsonSeq, Lines, Ndjson, Text};
    if matches!(
        to,
        None | Some(To::Format(Json | JsonSeq | Lines | Ndjson | Text))
    ) {
        return Ok(());
    }
    let flags = [
        (json.raw, "--raw-output"),
        (json.join, "--join-output"),
        (json.nul, "--raw-output0"),
        (json.ascii, "--ascii-output"),
        (json.seq, "--seq"),
        (json.array, "--array"),
    ];
    match flags.iter().find(|(is_given, _)| *is_given) {
        None => Ok(()),
        Some((_, flag)) => {
            let why = format!("{flag} is for JSON, and something else is written");
            Err(Error::new(Kind::Usage, Operation::Parse, why))
        }
    }
}

fn drawing(args: &Args) -> Drawing {
    let ends = args
        .output
        .output
        .as_ref()
        .and_then(|path| path.extension());
    Drawing {
        columns: args.look.plot.clone(),
        points: args.look.points,
        svg: ends.is_some_and(|ending| ending.eq_ignore_ascii_case("svg")),
        ..Drawing::default()
    }
}

fn to(output: &OutputArgs, look: &super::args::LookArgs) -> Result<Option<To>> {
    if look.table == Some(None) {
        return Ok(Some(To::Table));
    }
    if !look.plot.is_empty() {
        return Ok(Some(To::Plot));
    }
    if output.to.is_some() {
        return Ok(output.to);
    }
    let Some(path) = &output.output else {
        return Ok(None);
    };
    let name = path.to_string_lossy();
    let stem = sockeye::data::compress::Compression::from_file_name(&name).map(|found| found.1);
    Ok(
        Format::from_file_name(stem.unwrap_or(&name)).map(|format| match format {
            // Records of a text file are its lines.
            Format::Text => To::Format(Format::Lines),
            format => To::Format(format),
        }),
    )
}

/// An error of this input's data.
pub(crate) fn data_error(name: Option<&str>, error: &sockeye::data::record::Error) -> Error {
    let why = match name {
        Some(name) => format!("{name}: {error}"),
        None => error.to_string(),
    };
    let kind = match error.kind() {
        sockeye::data::record::ErrorKind::Io(_) => Kind::Io,
        _ => Kind::Rejected,
    };
    let ours = Error::new(kind, Operation::Parse, why);
    match error.hint() {
        Some(hint) => ours.with_hint(hint),
        None => ours,
    }
}

/// The verdict of one result.
pub(crate) fn verdict(value: &sockeye::data::value::Value) -> Verdict {
    use sockeye::data::value::Value;
    match value {
        Value::Null | Value::Bool(false) => Verdict::No,
        _ => Verdict::Yes,
    }
}
