//! The bytes of an input: opened, recognised, inflated and brought to UTF-8.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::fd::AsFd;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockeye::data::charset::{self, Charset, OnInvalid};
use sockeye::data::compress::{self, Compression};
use sockeye::data::format::Format;
use sockeye::data::recognise::{Confidence, HEAD, Hints, Recognised, recognise};
use sockeye::{Error, Kind, Operation, Result};

use super::args::{FormatArgs, InputArgs};
use super::foreign::Foreign;
use super::open::Bytes;
use super::sink::Sink;

/// How long a beginning without a whole line is waited for.
const PATIENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 30_000_000,
};

/// What was asked for about all inputs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    format: Option<Format>,
    charset: Option<Charset>,
    compression: Option<Option<Compression>>,
    media_type: Option<String>,
    /// Instead of standard input.
    foreign: Option<Foreign>,
}

impl Asked {
    /// What the flags say.
    pub(crate) fn new(args: &InputArgs) -> Result<Self> {
        let charset = args.charset.as_deref().map(str::parse).transpose();
        let compression = args.compression.as_deref().map(|name| match name {
            "none" => Ok(None),
            name => name.parse().map(Some),
        });
        Ok(Self {
            format: args.from,
            charset: charset.map_err(usage)?,
            compression: compression.transpose().map_err(usage)?,
            media_type: args
                .media_type
                .clone()
                .or_else(|| args.foreign.as_ref()?.media_type.clone()),
            foreign: args.foreign.clone(),
        })
    }

    /// This format, and what else is asked for.
    pub(crate) fn with_format(mut self, format: Option<Format>) -> Self {
        self.format = format.or(self.format);
        self
    }
}

fn usage(why: impl ToString) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why.to_string())
}

/// An input whose kind is known.
pub(crate) struct Source {
    /// What it is called in messages; `None`: it needs no name.
    pub(crate) name: Option<String>,
    /// What it was recognised as.
    pub(crate) what: Recognised,
    /// Its first bytes, as they came.
    pub(crate) head: Vec<u8>,
    /// The head is all there is.
    is_all: bool,
    rest: Box<dyn Flow>,
}

/// Bytes that may make whoever reads them wait.
pub(crate) trait Flow: Read + Send {
    /// More may come at any time: it is no regular file.
    fn is_live(&self) -> bool;

    /// Whether a read gives something, or the end, at once.
    fn is_ready(&self) -> bool;
}

impl Flow for Cursor<Vec<u8>> {
    fn is_live(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// Bytes that went through layers: nobody knows whether there are more.
struct Layered(Bytes);

impl Read for Layered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Flow for Layered {
    fn is_live(&self) -> bool {
        false
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// The head, and what follows it.
struct Chained(io::Chain<Cursor<Vec<u8>>, Box<dyn Flow>>);

impl Read for Chained {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl Flow for Chained {
    fn is_live(&self) -> bool {
        self.0.get_ref().1.is_live()
    }

    fn is_ready(&self) -> bool {
        let (head, rest) = self.0.get_ref();
        head.position() < head.get_ref().len() as u64 || rest.is_ready()
    }
}

impl Source {
    /// A file, or standard input where the path is `-`. Before it waits, `sink` is flushed.
    pub(crate) fn open(path: &Path, asked: &Asked, sink: Option<&Sink>) -> Result<Self> {
        let foreign = asked.foreign.as_ref().filter(|_| path == Path::new("-"));
        let (file, name) = match (path == Path::new("-"), foreign) {
            (true, Some(foreign)) => (foreign.bytes.try_clone(), None),
            (true, None) => (
                io::stdin().as_fd().try_clone_to_owned().map(File::from),
                None,
            ),
            (false, _) => (File::open(path), Some(path)),
        };
        let failed = |error| {
            let error = Error::from_io(Operation::Open, error);
            error.about(path.display())
        };
        let file = file.map_err(failed)?;
        let is_live = file.metadata().is_ok_and(|about| !about.is_file());
        if file.metadata().is_ok_and(|about| about.is_dir()) {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let mut feed = Feed {
            file,
            is_live,
            sink: sink.cloned(),
            foreign: foreign.cloned(),
        };
        let (head, is_all) = feed.head().map_err(failed)?;
        let name = name.map(|path| path.display().to_string());
        Ok(Self::new(name, head, is_all, Box::new(feed), asked))
    }

    /// Bytes from elsewhere, of which these are the first.
    pub(crate) fn new(
        name: Option<String>,
        head: Vec<u8>,
        is_all: bool,
        rest: Box<dyn Flow>,
        asked: &Asked,
    ) -> Self {
        let hints = Hints {
            format: asked.format,
            charset: asked.charset,
            compression: asked.compression,
            media_type: asked.media_type.as_deref(),
            name: name
                .as_deref()
                .or_else(|| Some(asked.foreign.as_ref()?.name.as_str())),
            is_all,
        };
        let what = recognise(&head, &hints);
        Self {
            name,
            what,
            head,
            is_all,
            rest,
        }
    }

    /// Whether it begins with an array, and goes on beyond what was looked at.
    pub(crate) fn is_large_array(&self) -> bool {
        !self.is_all && self.head.trim_ascii_start().starts_with(b"[")
    }

    /// Its format.
    pub(crate) fn format(&self) -> Format {
        self.what.format.what
    }

    /// The charset, where only how often which bytes come speaks for it.
    pub(crate) fn guessed_charset(&self) -> Option<Charset> {
        let charset = &self.what.charset;
        let is_guess = charset.confidence == Confidence::Guess && !self.is_utf8();
        charset.what.filter(|_| is_guess)
    }

    fn is_utf8(&self) -> bool {
        self.what
            .charset
            .what
            .is_none_or(|charset| charset == Charset::UTF_8)
    }

    /// Whether pieces of it can be read ahead: it is known when a pipe has no more for now, or there is nothing to wait for.
    pub(crate) fn is_cuttable(&self) -> bool {
        self.is_all || !self.rest.is_live() || self.is_plain()
    }

    /// Whether its bytes need no work before they are read as records, which find out themselves whether they are UTF-8.
    fn is_plain(&self) -> bool {
        let checks_itself = matches!(
            self.format(),
            Format::Json | Format::Ndjson | Format::JsonSeq | Format::Csv | Format::Tsv
        );
        self.what.compression.what.is_none() && self.is_utf8() && checks_itself
    }

    /// The same as [`bytes`](Self::bytes), but of a pipe only what is there already.
    pub(crate) fn beginning(mut self, args: &FormatArgs, is_file: bool) -> Box<dyn Flow> {
        self.is_all |= !is_file;
        self.bytes(args)
    }

    /// Its plain bytes, UTF-8 where the format is text.
    pub(crate) fn bytes(self, args: &FormatArgs) -> Box<dyn Flow> {
        let is_plain = self.is_plain() && !args.limits.replaces();
        let raw: Box<dyn Flow> = match self.is_all {
            true => Box::new(Cursor::new(self.head)),
            false => Box::new(Chained(Cursor::new(self.head).chain(self.rest))),
        };
        if is_plain {
            return raw;
        }
        let plain: Bytes = match self.what.compression.what {
            Some(compression) => {
                Box::new(compress::reader(compression, raw, &args.limits.limits()))
            }
            None => Box::new(raw),
        };
        let Some(charset) = self.what.charset.what else {
            return Box::new(Layered(plain));
        };
        let on_invalid = match args.limits.replaces() {
            true => OnInvalid::Replace,
            false => OnInvalid::Refuse,
        };
        Box::new(Layered(Box::new(charset::reader(
            Some(charset),
            plain,
            on_invalid,
        ))))
    }
}

/// The bytes of a file or a pipe. What was written is flushed before a pipe is waited for.
struct Feed {
    file: File,
    /// More may come later: it is no regular file.
    is_live: bool,
    sink: Option<Sink>,
    foreign: Option<Foreign>,
}

impl Feed {
    /// The first bytes: as many as are there, and a whole line if it comes soon. True: there is nothing else.
    fn head(&mut self) -> io::Result<(Vec<u8>, bool)> {
        let mut head = vec![0; HEAD];
        let mut length = 0;
        loop {
            match self.read_file(&mut head[length..]) {
                Ok(0) => {
                    head.truncate(length);
                    return Ok((head, true));
                }
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            let has_line = head[..length].contains(&b'\n');
            let patience = match has_line {
                true => Timespec::default(),
                false => PATIENCE,
            };
            if length == HEAD || (self.is_live && !self.is_ready_within(patience)) {
                head.truncate(length);
                return Ok((head, false));
            }
        }
    }

    fn read_file(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        let is_broken = count == 0 && self.foreign.as_ref().is_some_and(Foreign::is_broken);
        match is_broken && !into.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it broke off")),
            false => Ok(count),
        }
    }

    /// Whether a read gives something, or the end, within this time.
    fn is_ready_within(&self, patience: Timespec) -> bool {
        let mut watched = [PollFd::new(&self.file, PollFlags::IN)];
        // What cannot be watched is not waited for.
        poll(&mut watched, Some(&patience)).map_or(true, |ready| ready > 0)
    }
}

impl Flow for Feed {
    fn is_live(&self) -> bool {
        self.is_live
    }

    fn is_ready(&self) -> bool {
        !self.is_live || self.is_ready_within(Timespec::default())
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.is_live
            && let Some(sink) = &self.sink
            && !self.is_ready()
        {
            sink.flush_before_waiting()?;
        }
        self.read_file(into)
    }
}
