//! `--what`: what the inputs were recognised as, why, and what their beginning looks like.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use sockeye::data::recognise::Found;
use sockeye::data::record::Error as RecordError;

use super::args::FormatArgs;
use super::args::InputArgs;
use super::open;
use super::sink::Step;
use super::source::{Asked, Source};
use crate::exit::Outcome;
use crate::output::Output;

/// So many records are read to see whether they can be.
const TRIED: u64 = 1000;

/// What an input is.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "what")]
struct What {
    file: Option<String>,
    format: Said,
    charset: Said,
    compression: Said,
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<Said>,
    /// How many bytes the input has, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// How many records were read from its beginning.
    records_tried: u64,
    /// How many records there may be, by the size of those.
    #[serde(skip_serializing_if = "Option::is_none")]
    records_estimated: Option<u64>,
    /// Those were all.
    is_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Said {
    what: String,
    why: String,
    confidence: String,
}

impl Said {
    fn new<T>(found: &Found<T>, what: impl fmt::Display) -> Self {
        Self {
            what: what.to_string(),
            why: found.why.to_string(),
            confidence: found.confidence.to_string(),
        }
    }
}

/// Say what each input is.
pub(crate) fn run(input: &InputArgs, formats: &FormatArgs, output: &Output) -> Step<Outcome> {
    let asked = Asked::new(input)?;
    let mut files = input.files.clone();
    if files.is_empty() {
        files.push(PathBuf::from("-"));
    }
    let is_several = files.len() > 1;
    let mut outcome = Outcome::Done;
    for path in files {
        let source = Source::open(&path, &asked, None)?;
        let size = std::fs::metadata(&path)
            .ok()
            .filter(|about| about.is_file());
        let size = size.map(|about| about.len());
        let what = look_into(source, size, formats)?;
        if what.first_error.is_some() {
            outcome = Outcome::No;
        }
        if output.json() {
            output.json_line(&what);
        } else {
            let name = what.file.clone().filter(|_| is_several);
            let name = name.map(|name| format!("{name}:\n")).unwrap_or_default();
            output.text(&format!("{name}{what}"));
        }
    }
    Ok(outcome)
}

fn look_into(source: Source, size: Option<u64>, formats: &FormatArgs) -> Step<What> {
    let found = &source.what;
    let charset = found
        .charset
        .what
        .map_or("none".to_owned(), |charset| charset.to_string());
    let compression = found
        .compression
        .what
        .map_or("none".to_owned(), |c| c.to_string());
    let is_packed = found.compression.what.is_some();
    let mut what = What {
        file: source.name.clone(),
        format: Said::new(&found.format, found.format.what),
        charset: Said::new(&found.charset, charset),
        compression: Said::new(&found.compression, compression),
        dialect: found
            .dialect
            .as_ref()
            .map(|dialect| Said::new(dialect, &dialect.what)),
        bytes: size,
        records_tried: 0,
        records_estimated: None,
        is_all: false,
        first_error: None,
    };
    let format = source.format();
    // Of a pipe, no more is taken than its beginning.
    let bytes = source.beginning(formats, size.is_some());
    let mut records = open::reader(format, Box::new(bytes), formats, None)?;
    while what.records_tried < TRIED {
        match records.next_record() {
            Ok(Some(_)) => what.records_tried += 1,
            Ok(None) => {
                what.is_all = size.is_some();
                break;
            }
            Err(error) => {
                what.first_error = first_error(&error, size.is_some());
                break;
            }
        }
    }
    let read = records.position().byte;
    if let Some(size) = size
        && !is_packed
        && !what.is_all
        && what.first_error.is_none()
        && read > 0
    {
        what.records_estimated = Some(what.records_tried * size / read);
    }
    Ok(what)
}

/// The error, unless it is only that the beginning ends.
fn first_error(error: &RecordError, is_whole: bool) -> Option<String> {
    let is_cut = error.kind() == sockeye::data::record::ErrorKind::Truncated;
    (is_whole || !is_cut).then(|| error.to_string())
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = [
            ("format", Some(&self.format)),
            ("dialect", self.dialect.as_ref()),
            ("charset", Some(&self.charset)),
            ("compression", Some(&self.compression)),
        ];
        for (name, said) in lines {
            let Some(said) = said else { continue };
            let Said {
                what,
                why,
                confidence,
            } = said;
            writeln!(f, "{name:<12} {what:<24} {confidence}: {why}")?;
        }
        if let Some(bytes) = self.bytes {
            writeln!(f, "{:<12} {bytes} bytes", "size")?;
        }
        let records = self.records_tried;
        match (self.is_all, self.records_estimated) {
            (true, _) => writeln!(f, "{:<12} {records}", "records")?,
            (_, Some(estimated)) => {
                writeln!(
                    f,
                    "{:<12} about {estimated}, by the first {records}",
                    "records"
                )?;
            }
            _ => writeln!(f, "{:<12} {records} read from the beginning", "records")?,
        }
        match &self.first_error {
            Some(error) => writeln!(f, "{:<12} {error}", "first error"),
            None => Ok(()),
        }
    }
}
