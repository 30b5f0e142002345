//! Files and standard input that flags and items name with `@`.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sockeye::{Error, Kind, Operation, Result};

/// The most that is read into memory. What is longer is sent from its file by `--upload`, `--data-binary` or an item `@file`.
const LONGEST: u64 = 256 << 20;

/// The most URLs that one file lists.
const MOST_URLS: usize = 100_000;

/// Reads what is named, and standard input only once.
#[derive(Debug, Default)]
pub(super) struct Sources {
    is_stdin_taken: Cell<bool>,
    /// Standard input belongs to somebody else.
    has_no_stdin: bool,
}

impl Sources {
    /// Files alone: standard input is not ours.
    pub(super) fn without_stdin() -> Self {
        Self {
            has_no_stdin: true,
            ..Self::default()
        }
    }

    /// Standard input is used now.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it was before.
    pub(super) fn take_stdin(&self) -> Result<()> {
        if self.has_no_stdin {
            let why = "standard input has the URLs, and cannot be sent";
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("a file can be sent as often as one likes"));
        }
        if self.is_stdin_taken.replace(true) {
            let why = "standard input is named twice, and can be read once";
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("put one of them into a file"));
        }
        Ok(())
    }

    /// All of a file; `-` is standard input.
    ///
    /// # Errors
    ///
    /// Those of reading it, and [`Kind::Usage`] if it has more than 256 MiB.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>> {
        if path == "-" {
            self.take_stdin()?;
            return read(io::stdin().lock(), "standard input");
        }
        read(open(Path::new(path))?, path)
    }

    /// All of a file as text.
    ///
    /// # Errors
    ///
    /// As [`Sources::read`], and [`Kind::Usage`] if it is no UTF-8.
    pub(super) fn read_text(&self, path: &str) -> Result<String> {
        String::from_utf8(self.read(path)?).map_err(|_| {
            Error::new(
                Kind::Usage,
                Operation::Parse,
                format!("{path} is no text in UTF-8"),
            )
            .with_hint("name@file, in a form, sends any bytes")
        })
    }

    /// The URLs that a file lists, one in each line, without empty lines and those that begin with `#`.
    ///
    /// # Errors
    ///
    /// As [`Sources::read_text`], and [`Kind::Usage`] if there are none, or more than 100,000.
    pub(super) fn read_urls(&self, path: &str) -> Result<Vec<String>> {
        let text = self.read_text(path)?;
        let lines = text.lines().map(str::trim);
        let urls = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let urls: Vec<String> = urls.take(MOST_URLS + 1).map(str::to_owned).collect();
        let why = match urls.len() {
            0 => "it lists no URL".to_owned(),
            1..=MOST_URLS => return Ok(urls),
            _ => format!("it lists more than {MOST_URLS} URLs"),
        };
        Err(Error::new(Kind::Usage, Operation::Parse, why).about(path))
    }
}

fn open(path: &Path) -> Result<File> {
    let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        let why = "it is a directory";
        return Err(Error::new(Kind::Usage, Operation::Open, why).about(path.display()));
    }
    Ok(file)
}

fn read(from: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::from_io(Operation::Read, error).about(name))?;
    if bytes.len() as u64 > LONGEST {
        let why = format!(
            "it has more than {} MiB, which are read into memory",
            LONGEST >> 20
        );
        return Err(Error::new(Kind::Usage, Operation::Read, why)
            .about(name)
            .with_hint("-T FILE sends a file of any length"));
    }
    Ok(bytes)
}
