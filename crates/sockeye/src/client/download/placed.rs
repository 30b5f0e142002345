//! A file that comes from elsewhere than HTTP, and gets its name with the same care.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use super::answer::Version;
use super::folder::{Folder, failed, is_device};
use super::part::{Claim, Existing, Part};
use super::sidecar::Sidecar;
use crate::error::{Error, Kind, Operation, Result};

/// A file that is written as `NAME.part` and gets its name when it is complete. Dropping it before leaves nothing behind.
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use sockeye::client::download::{Existing, Placed};
///
/// # let dir = sockeye_testkit::temporary_dir();
/// let to = dir.path().join("x");
/// std::fs::write(&to, "an older one")?;
/// let placed = Placed::new(&to, Existing::Number, false)?.expect("a new name is found");
/// placed.file().write_all(b"hello")?;
/// assert_eq!(placed.finish(None)?, dir.path().join("x (1)"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Placed {
    way: Option<Way>,
}

#[derive(Debug)]
enum Way {
    Part(Part),
    /// What is no file is written straight through.
    Through(File, PathBuf),
}

impl Placed {
    /// Find a place for it; `None` if there is a file of that name and it is to be left alone. With `create`, folders that are
    /// missing are made.
    ///
    /// # Errors
    ///
    /// Those of the system, with the path; [`Kind::Usage`] if it is a folder; [`Kind::Unsupported`] for [`Existing::Continue`].
    pub fn new(to: &Path, existing: Existing, create: bool) -> Result<Option<Self>> {
        let about = |error: Error| error.about(to.display());
        if is_device(to) {
            let file = OpenOptions::new().write(true).open(to);
            let file = file.map_err(|error| failed(Operation::Open, error, to))?;
            let way = Some(Way::Through(file, to.to_owned()));
            return Ok(Some(Self { way }));
        }
        let name = to.file_name().and_then(|name| name.to_str());
        let Some(name) = name.filter(|_| !to.is_dir()) else {
            let error = Error::new(Kind::Usage, Operation::Open, "it is a folder, not a file");
            return Err(about(error).with_hint("`-P` saves into a folder"));
        };
        if existing == Existing::Continue {
            let why = "nothing proves that what is there is its start";
            return Err(about(Error::new(Kind::Unsupported, Operation::Open, why)));
        }
        let folder = Folder::open(to.parent().unwrap_or(Path::new("")), create)?;
        let fresh = Sidecar::new(String::new(), Version::default(), None);
        match Part::claim(&folder.into(), name, existing, Some(&fresh), |_| false)? {
            Some(Claim::Fresh(part)) => Ok(Some(Self {
                way: Some(Way::Part(part)),
            })),
            _ => Ok(None),
        }
    }

    /// What is written.
    pub fn file(&self) -> &File {
        match &self.way {
            Some(Way::Part(part)) => part.file(),
            Some(Way::Through(file, _)) => file,
            // It is taken by `finish` and `drop` only, behind which nothing can ask.
            None => unreachable!("it is finished"),
        }
    }

    /// It is complete, and was changed at this time, in seconds since 1970: where it is.
    ///
    /// # Errors
    ///
    /// Those of the system, with the path.
    pub fn finish(mut self, changed: Option<i64>) -> Result<PathBuf> {
        match self.way.take() {
            Some(Way::Part(part)) => part.name_it(changed),
            Some(Way::Through(_, path)) => Ok(path),
            None => Ok(PathBuf::new()),
        }
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        if let Some(Way::Part(part)) = self.way.take() {
            part.discard();
        }
    }
}
