//! From a path to what answers for it: the file, an index page, a page by its short name, a folder, or nothing.

use std::io;

use super::super::request::Request;
use super::path::{self, Wanted};
use super::resource::{Probe, Seen, look};
use super::root::Root;
use super::settings::Settings;

/// What answers for a path.
pub(super) enum Found {
    /// The file at this path.
    File(Vec<u8>),
    /// A folder without an index page.
    Folder(Vec<u8>),
    /// The same with a slash.
    Redirect(String),
    /// Something that is no file and no folder, or nothing.
    Nothing,
    /// There is something that we may not read.
    Denied,
}

/// A search, and what it looked at.
pub(super) struct Search<'a> {
    pub(super) root: &'a Root,
    pub(super) settings: &'a Settings,
    pub(super) request: &'a Request,
    pub(super) probes: Vec<Probe>,
}

impl Search<'_> {
    /// Find what answers for this path.
    ///
    /// # Errors
    ///
    /// What keeps us from looking: too many open files, a broken disk.
    pub(super) fn find(&mut self, wanted: Wanted) -> io::Result<Found> {
        let Wanted { path, is_folder } = wanted;
        match self.look(&path)? {
            Seen::File(_) if is_folder => {
                let text = || format!("{} is a file, and the path ends with a slash", shown(&path));
                self.request.note("file", text);
                Ok(Found::Nothing)
            }
            Seen::File(_) => {
                let text = || format!("{}, by its name", shown(&path));
                self.request.note("file", text);
                Ok(Found::File(path))
            }
            Seen::Folder if !is_folder => {
                let location = path::with_slash(self.request.path(), self.request.query());
                let text = || {
                    format!(
                        "{} is a folder, and its path ends with a slash: {location}",
                        shown(&path)
                    )
                };
                self.request.note("folder", text);
                Ok(Found::Redirect(location))
            }
            Seen::Folder => self.index(path),
            Seen::Special => {
                let text = || format!("{} is a pipe, a socket or a device", shown(&path));
                self.request.note("file", text);
                Ok(Found::Nothing)
            }
            Seen::Denied => {
                let text = || format!("{} may not be looked at", shown(&path));
                self.request.note("file", text);
                Ok(Found::Denied)
            }
            Seen::Nothing => self.short_name(path, is_folder),
        }
    }

    fn index(&mut self, folder: Vec<u8>) -> io::Result<Found> {
        for name in &self.settings.index {
            let path = match folder.is_empty() {
                true => name.as_bytes().to_vec(),
                false => [&*folder, b"/", name.as_bytes()].concat(),
            };
            if let Seen::File(_) = self.look(&path)? {
                let text = || format!("{}, the index page of the folder", shown(&path));
                self.request.note("index", text);
                return Ok(Found::File(path));
            }
        }
        let text = || {
            format!(
                "no {} in {}",
                self.settings.index.join(", "),
                shown(&folder)
            )
        };
        self.request.note("index", text);
        Ok(Found::Folder(folder))
    }

    fn short_name(&mut self, path: Vec<u8>, is_folder: bool) -> io::Result<Found> {
        if self.settings.pretty && !is_folder && !path.is_empty() {
            let page = [&*path, b".html"].concat();
            if let Seen::File(_) = self.look(&page)? {
                let text = || format!("{}, whose short name this is", shown(&page));
                self.request.note("pretty", text);
                return Ok(Found::File(page));
            }
        }
        let text = || match self.root.admits(&path) {
            true => format!("there is no {}", shown(&path)),
            false => format!("{} is hidden: a name begins with a dot", shown(&path)),
        };
        self.request.note("file", text);
        Ok(Found::Nothing)
    }

    pub(super) fn look(&mut self, path: &[u8]) -> io::Result<Seen> {
        let seen = look(self.root, path)?;
        self.probes.push(Probe {
            path: path.to_vec(),
            seen,
        });
        Ok(seen)
    }
}

/// Whether a request is that of somebody who goes somewhere, not of a page that wants one of its parts: browsers say so;
/// of others, paths without an extension are taken for it.
pub(super) fn is_navigation(request: &Request) -> bool {
    let headers = request.headers();
    if let Some(mode) = headers.get("sec-fetch-mode") {
        return mode == b"navigate";
    }
    let takes_pages = headers.get("accept").is_none_or(|accept| {
        let accept = accept.to_ascii_lowercase();
        let has = |wanted: &[u8]| accept.windows(wanted.len()).any(|part| part == wanted);
        has(b"text/html") || has(b"*/*")
    });
    let name = request.path().rsplit('/').next().unwrap_or_default();
    takes_pages && !name.contains('.')
}

/// A path for people: `/` and the path, escaped.
pub(super) fn shown(path: &[u8]) -> String {
    format!("/{}", sockeye_data::escape::escape(path))
}
