//! Where a download goes: what is there of it already, and which name it gets.

use std::path::Path;
use std::sync::Arc;

use super::{Attempt, Job, skipped};
use crate::client::download::fetch::{Check, Saved, To};
use crate::client::download::folder::Folder;
use crate::client::download::part::{Claim, Existing, Part};
use crate::client::download::sidecar::Sidecar;
use crate::client::download::{name, sums};
use crate::client::http::Response;
use crate::error::{Error, Kind, Operation, Result};

impl Job {
    /// See what is there, before anybody is asked.
    pub(super) fn look(&mut self) -> Result<Option<Saved>> {
        let (folder, wanted) = self.place()?;
        let ours = self.url().without_secrets().to_string();
        let (wanted, existing) = match (&self.download.to, wanted) {
            (To::File(_), Some(wanted)) => (wanted, self.download.existing),
            // Only a guess: the server may call it otherwise.
            (To::Folder(_), _) => match name::of_url(self.url()) {
                Some(guess) => (guess, Existing::Number),
                None => return Ok(None),
            },
            (To::File(_), None) => return Ok(None),
        };
        let is_named = matches!(self.download.to, To::File(_));
        let is_ours = |sidecar: &Sidecar| is_ours(&ours, &sidecar.url, is_named);
        match Part::claim(&folder, &wanted, existing, None, is_ours)? {
            Some(Claim::Begun(part) | Claim::Fresh(part)) => self.part = Some(part),
            Some(Claim::Foreign(part)) => {
                self.part = Some(part);
                self.foreign = true;
            }
            Some(Claim::Exists(path)) => return Ok(Some(skipped(path, 0))),
            None => {}
        }
        if let Some(part) = &self.part {
            self.listed(&name_of(&part.path()))?;
        }
        Ok(None)
    }

    /// The folder, and the name if it is given.
    pub(super) fn place(&mut self) -> Result<(Arc<Folder>, Option<String>)> {
        match &self.download.to {
            To::Folder(path) => Ok((self.folder(&path.clone())?, None)),
            To::File(path) => {
                let name = path.file_name().and_then(|name| name.to_str());
                let is_folder =
                    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
                let Some(name) = name.filter(|_| !is_folder) else {
                    let error =
                        Error::new(Kind::Usage, Operation::Open, "it is a folder, not a file");
                    return Err(error
                        .about(path.display())
                        .with_hint("`-P` saves into a folder"));
                };
                let folder = path.parent().unwrap_or(Path::new(""));
                let (folder, name) = (folder.to_owned(), name.to_owned());
                Ok((self.folder(&folder)?, Some(name)))
            }
        }
    }

    /// The folder, opened once.
    fn folder(&mut self, path: &Path) -> Result<Arc<Folder>> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let folder = Arc::new(Folder::open(path, self.download.create)?);
        self.folder = Some(folder.clone());
        Ok(folder)
    }

    /// Find a place for a file that nothing was there of.
    pub(super) fn claim(
        &mut self,
        response: &Response,
        fresh: &Sidecar,
    ) -> Result<Option<Attempt>> {
        let (folder, given) = self.place()?;
        let is_named = given.is_some();
        let of_answer = || name::of_answer(response.headers(), response.url(), &self.download.url);
        let wanted = given.unwrap_or_else(of_answer);
        let is_ours = |sidecar: &Sidecar| is_ours(&fresh.url, &sidecar.url, is_named);
        let claim = Part::claim(
            &folder,
            &wanted,
            self.download.existing,
            Some(fresh),
            is_ours,
        )?;
        match claim {
            Some(Claim::Fresh(part)) => self.part = Some(part),
            Some(Claim::Begun(part)) => {
                self.part = Some(part);
                return Ok(Some(Attempt::Again));
            }
            Some(Claim::Foreign(part)) => {
                self.part = Some(part);
                self.foreign = true;
                return Ok(Some(Attempt::Again));
            }
            Some(Claim::Exists(path)) => return Ok(Some(Attempt::Saved(skipped(path, 0)))),
            None => {}
        }
        self.listed(&wanted)?;
        Ok(None)
    }

    /// Look the file up in lists of checksums, now that its name is known.
    pub(super) fn listed(&mut self, name: &str) -> Result<()> {
        for check in &self.download.checks {
            let Check::Listed(list) = check else { continue };
            let Some(checksum) = sums::find_checksum(list, name) else {
                let why = format!("the list of checksums does not name `{name}`");
                return Err(Error::new(Kind::Usage, Operation::Fetch, why));
            };
            if !self.expected.contains(&checksum) {
                self.expected.push(checksum);
            }
        }
        Ok(())
    }
}

/// Whether what is there was fetched from the same URL. Where the user gives the name the query does not count: signatures in it expire,
/// and the server proves that it is the same file.
fn is_ours(url: &str, theirs: &str, is_named: bool) -> bool {
    let bare = |it: &str| it.split('?').next().unwrap_or_default().to_owned();
    url == theirs || (is_named && bare(url) == bare(theirs))
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
