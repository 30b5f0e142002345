//! What `encode` and `decode` have in common: codecs in a row, where bytes come from and where they go.

mod sink;

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};
use std::path::PathBuf;

use serde::Serialize;
use sockeye::data::charset::Charset;
use sockeye::data::codec::{Codec, Options, Setting, decoding, encoding};
use sockeye::data::record::{self, ErrorKind};
use sockeye::{Error, Kind, Operation, Result};

use self::sink::Sink;
use crate::exit::Outcome;
use crate::output::{Level, Output};

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Encode,
    Decode,
}

/// The codecs.
#[derive(Debug, clap::Args)]
pub(super) struct Chain {
    /// Which codec, or several: base64, hex, percent, html, json, gzip, utf-16le … (--list shows all)
    #[arg(value_name = "CODEC", required_unless_present = "list")]
    codecs: Vec<String>,
}

impl Chain {
    /// The codecs that are named; `--url` makes another one of base64.
    pub(super) fn codecs(&self, url: bool) -> Result<Vec<Codec>> {
        let mut codecs = Vec::new();
        for name in &self.codecs {
            let codec = name.parse().map_err(|_| {
                let name = sockeye::data::escape::escape_str(name);
                usage(format!("{name} is neither a codec nor a charset"))
                    .with_hint("sockeye encode --list shows what there is")
            })?;
            codecs.push(codec);
        }
        if url {
            let Some(codec) = codecs.iter_mut().find(|codec| **codec == Codec::Base64) else {
                return Err(usage("--url means nothing without base64"));
            };
            *codec = Codec::Base64Url;
        }
        Ok(codecs)
    }
}

/// Where bytes come from, and where they go.
#[derive(Debug, clap::Args)]
pub(super) struct Ends {
    /// Take this text instead of standard input
    #[arg(
        short,
        long,
        value_name = "TEXT",
        conflicts_with = "file",
        allow_hyphen_values = true
    )]
    text: Option<String>,
    /// Take the bytes of this file instead of standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show the codecs
    #[arg(long)]
    pub(super) list: bool,
}

/// An option that was given, what it sets, and whether it was given.
pub(super) type Given = (&'static str, Setting, bool);

/// Refuse options that mean nothing to any of the codecs.
pub(super) fn check(codecs: &[Codec], given: &[Given], way: Way) -> Result<()> {
    for (flag, setting, is_given) in given {
        let mut codecs = codecs.iter();
        if *is_given && !codecs.any(|codec| codec.takes(*setting, way == Way::Encode)) {
            let way = if way == Way::Encode {
                "encode"
            } else {
                "decode"
            };
            return Err(usage(format!("{flag} means nothing to what is to {way}")));
        }
    }
    Ok(())
}

/// What stands between hexadecimal digits.
pub(super) fn separator(text: Option<String>) -> Result<Vec<u8>> {
    let text = text.unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() || !byte.is_ascii();
    match text.bytes().any(is_digit) {
        true => Err(usage(
            "--separator takes ASCII that is no hexadecimal digit",
        )),
        false => Ok(text.into_bytes()),
    }
}

/// Wrong options.
pub(super) fn usage(why: impl Into<String>) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

/// Read, code and write until all is done.
pub(super) fn run(
    way: Way,
    codecs: &[Codec],
    options: &Options,
    ends: Ends,
    output: &Output,
) -> Result<Outcome> {
    if output.json() && ends.output.is_none() {
        let why = "--json has no place beside the data on standard output";
        return Err(usage(why).with_hint("write the data to a file: -o FILE"));
    }
    let from = ends.file.as_ref().map(|path| path.display().to_string());
    let mut read = 0;
    let source = Counted {
        source: source(&ends)?,
        count: &mut read,
    };
    let reader = match way {
        Way::Encode => encoding(codecs, options, source),
        Way::Decode => decoding(codecs, options, source),
    };
    let mut reader = reader.map_err(|error| usage(error.to_string()))?;
    let packs = way == Way::Encode && matches!(codecs.last(), Some(Codec::Compression(_)));
    let mut sink = Sink::open(ends.output.as_deref(), packs, output)?;
    let failed = loop {
        let bytes = match reader.fill_buf() {
            Ok([]) => break None,
            Ok(bytes) => bytes,
            Err(error) => break Some(error),
        };
        let count = bytes.len();
        if !sink.write(bytes)? {
            return Ok(Outcome::Done);
        }
        reader.consume(count);
    };
    drop(reader);
    let written = sink.finish()?;
    if let Some(error) = failed {
        return Err(explain(&error, codecs, way, options.lenient, from));
    }
    let done = Done {
        kind: match way {
            Way::Encode => "encoded",
            Way::Decode => "decoded",
        },
        codecs: codecs.iter().map(|codec| codec.name()).collect(),
        read,
        written,
    };
    output.event(Level::Verbose, &done);
    Ok(Outcome::Done)
}

fn source(ends: &Ends) -> Result<Box<dyn Read>> {
    if let Some(text) = &ends.text {
        return Ok(Box::new(Cursor::new(text.clone().into_bytes())));
    }
    match &ends.file {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| Error::from_io(Operation::Open, error).about(path.display()))?;
            Ok(Box::new(file))
        }
        None => Ok(Box::new(io::stdin().lock())),
    }
}

/// Counts what is read.
struct Counted<'a, R> {
    source: R,
    count: &'a mut u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        *self.count += count as u64;
        Ok(count)
    }
}

/// Say what is wrong with the input, and what to try.
fn explain(
    error: &io::Error,
    codecs: &[Codec],
    way: Way,
    lenient: bool,
    from: Option<String>,
) -> Error {
    let error = record::Error::io("", error);
    let kind = match error.kind() {
        ErrorKind::Io(_) => Kind::Io,
        _ => Kind::Rejected,
    };
    let why = match (kind, error.format()) {
        // Our own words, not ours: what the system said about reading.
        (Kind::Io, _) => error.to_string().trim_start_matches(": ").to_owned(),
        _ => error.to_string(),
    };
    let why = match from {
        Some(from) => format!("{from}: {why}"),
        None => why,
    };
    let ours = Error::new(kind, Operation::Read, why);
    let codec = codecs.iter().find(|codec| codec.name() == error.format());
    let takes = |setting| codec.is_some_and(|codec| codec.takes(setting, way == Way::Encode));
    let is_bad = matches!(error.kind(), ErrorKind::Syntax | ErrorKind::Truncated);
    let hint = match error.kind() {
        ErrorKind::Limit => Some(
            "if its source is trusted, raise the bound by --max-output or --max-ratio, or lift both by --no-limit",
        ),
        ErrorKind::Unsupported if takes(Setting::Unmappable) => Some(
            "--unmappable question or --unmappable reference write something else in its place",
        ),
        ErrorKind::Truncated if takes(Setting::Padding) && !lenient => Some(
            "if the = at the end were left off, say --no-padding; --lenient takes what there is",
        ),
        _ if is_bad && takes(Setting::Lenient) && !lenient => {
            Some("--lenient passes over what does not belong")
        }
        _ => error.hint(),
    };
    match hint {
        Some(hint) => ours.with_hint(hint),
        None => ours,
    }
}

/// What was done.
#[derive(Debug, Serialize)]
struct Done {
    #[serde(rename = "type")]
    kind: &'static str,
    codecs: Vec<&'static str>,
    read: u64,
    written: u64,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            read,
            written,
            ..
        } = self;
        write!(f, "{kind} {read} bytes to {written}")
    }
}

/// A codec, for the list.
#[derive(Debug, Serialize)]
struct Listed {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
}

/// Show what codecs there are.
pub(super) fn list(output: &Output) -> Outcome {
    let codecs = Codec::all().filter(|codec| !matches!(codec, Codec::Charset(_)));
    let mut text = String::new();
    for codec in codecs {
        let listed = Listed {
            kind: "codec",
            name: codec.name(),
            aliases: codec.aliases(),
            about: codec.about(),
        };
        if output.json() {
            output.json_line(&listed);
            continue;
        }
        let names = [&[listed.name], listed.aliases].concat().join(", ");
        text.push_str(&format!("{names:<28} {}\n", listed.about));
    }
    if output.json() {
        for name in Charset::names() {
            output.json_line(&Listed {
                kind: "charset",
                name,
                aliases: &[],
                about: "text in that charset; UTF-8 on the other side",
            });
        }
        return Outcome::Done;
    }
    text.push_str(
        "\ncharsets, by any label of the Encoding standard; UTF-8 is on the other side:\n",
    );
    let names: Vec<&str> = Charset::names().collect();
    for names in names.chunks(8) {
        text.push_str(&format!("  {}\n", names.join(" ")));
    }
    output.text(&text);
    Outcome::Done
}
