//! Inputs, as they come: from files one after the other, from standard input, or from the command line.

mod lines;
mod records;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sockeye::work::Source;
use sockeye::{Error, Operation, Result};

use self::lines::Lines;
use self::records::RecordsOf;
use super::args::{Cut, InputArgs};

/// The most bytes of an input, unless it is said.
const MOST_INPUT: u64 = 64 << 20;

/// All inputs.
pub(crate) enum Inputs {
    /// Those of files.
    Files(Files),
    /// Those of the command line.
    Given(std::vec::IntoIter<OsString>),
}

/// Those of files, of which one is open.
pub(crate) struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    open: Option<Open>,
    args: InputArgs,
}

/// A file that is cut.
enum Open {
    Lines(Lines),
    Records(RecordsOf),
}

impl Inputs {
    /// Those that the flags name; `given` are those of the command line.
    ///
    /// # Errors
    ///
    /// A file that is not there. It is opened only when its turn comes.
    pub(crate) fn new(args: &InputArgs, given: Option<Vec<OsString>>) -> Result<Self> {
        args.check()?;
        if let Some(given) = given {
            return Ok(Self::Given(given.into_iter()));
        }
        for path in args.files.iter().filter(|path| !is_stdin(path)) {
            std::fs::metadata(path).map_err(|error| failed(path, error))?;
        }
        let paths = match args.files.is_empty() {
            true => vec!["-".into()],
            false => args.files.clone(),
        };
        Ok(Self::Files(Files {
            paths: paths.into_iter(),
            open: None,
            args: args.clone(),
        }))
    }
}

impl Source for Inputs {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool> {
        match self {
            Self::Given(given) => {
                let some = given.by_ref().take(most);
                inputs.extend(some.map(|input| Bytes::from(input.into_vec())));
                Ok(given.len() > 0)
            }
            Self::Files(files) => files.fill(inputs, most),
        }
    }
}

impl Files {
    fn fill(&mut self, inputs: &mut Vec<Bytes>, most: usize) -> Result<bool> {
        loop {
            if self.open.is_none() {
                let Some(path) = self.paths.next() else {
                    return Ok(false);
                };
                self.open = Some(Open::new(&path, &self.args)?);
            }
            let before = inputs.len();
            let goes_on = match &mut self.open {
                Some(Open::Lines(lines)) => lines.fill(inputs, most)?,
                Some(Open::Records(records)) => records.fill(inputs, most)?,
                None => false,
            };
            if !goes_on {
                self.open = None;
            }
            if inputs.len() > before {
                return Ok(true);
            }
        }
    }
}

impl Open {
    fn new(path: &Path, args: &InputArgs) -> Result<Self> {
        let file = match is_stdin(path) {
            true => io::stdin().as_fd().try_clone_to_owned().map(File::from),
            false => File::open(path),
        };
        let file = file.map_err(|error| failed(path, error))?;
        let about = file.metadata().map_err(|error| failed(path, error))?;
        if about.is_dir() {
            return Err(failed(path, io::ErrorKind::IsADirectory.into()));
        }
        let most = args.max_input.unwrap_or(MOST_INPUT);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let name = match is_stdin(path) {
            true => "standard input".to_owned(),
            false => path.display().to_string(),
        };
        Ok(match args.cut() {
            Cut::Records(format) => Self::Records(RecordsOf::new(
                file,
                about.is_file(),
                name,
                format,
                args,
                most,
            )),
            cut => Self::Lines(Lines::new(file, name, cut, args, most)),
        })
    }
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::from_io(Operation::Open, error).about(path.display())
}
