//! Files of one folder: what a path names, and how it is sent.

mod root;

pub use root::{Root, Rules};

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use super::body::{Body, FilePart};
use super::handler::{Handler, Reply};
use super::request::Request;
use super::response::Response;

/// Serves the files below one folder.
#[derive(Clone)]
pub struct Files {
    root: Root,
    folders: Option<Arc<dyn Folders>>,
}

/// What a folder without an index page is shown as.
pub trait Folders: Send + Sync + 'static {
    /// Answer a request for this folder. The path of the request ends with a slash.
    fn show(&self, folder: Folder, request: Request) -> Reply;
}

/// A folder that somebody asked for.
#[derive(Debug)]
pub struct Folder {
    /// Where it is.
    pub root: Root,
    /// Its path beneath the root, decoded, without slashes around it; empty for the root itself.
    pub path: Vec<u8>,
    /// The folder, opened for reading.
    pub file: File,
}

impl Files {
    /// Serve what is there for clients in this folder.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            folders: None,
        }
    }

    /// The same, with folders shown as these say; without, a folder without an index page is not found.
    pub fn folders(mut self, folders: impl Folders) -> Self {
        self.folders = Some(Arc::new(folders));
        self
    }

    fn answer(&self, request: Request) -> Reply {
        let Ok(path) = sockeye_data::percent::decode(request.rest()) else {
            return Response::error(400, "a path that is not percent-encoded").into();
        };
        let path = path.strip_prefix(b"/").unwrap_or(&path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let Ok(file) = self.root.open(path) else {
            return Response::error(404, "there is no such file").into();
        };
        match (file.metadata(), &self.folders) {
            (Ok(metadata), _) if metadata.is_file() => {
                let part = FilePart {
                    file: Arc::new(file),
                    at: 0,
                    length: metadata.len(),
                };
                Response::new(200).with_body(Body::file(part)).into()
            }
            (Ok(metadata), Some(folders)) if metadata.is_dir() => {
                let folder = Folder {
                    root: self.root.clone(),
                    path: path.to_vec(),
                    file,
                };
                folders.show(folder, request)
            }
            _ => Response::error(404, "there is no such file").into(),
        }
    }
}

impl Handler for Files {
    fn handle(&self, request: Request) -> Reply {
        self.answer(request)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
