//! Files of one folder: what a path names, and how it is sent.
//!
//! A request goes through `path` (what it asks for), `cache` or `find` and `resource` (what is there), and `answer` (form,
//! conditions, parts). Each leaves notes for those who want an explanation.

mod answer;
mod cache;
mod coding;
mod conditions;
mod content;
mod encoder;
mod find;
mod pack;
mod path;
mod ranges;
mod resource;
mod root;
mod settings;
mod version;
mod walk;
mod withheld;

pub use coding::Coding;
pub use conditions::{Condition, judge};
pub use root::{Root, Rules};
pub use settings::{HeaderRule, HeaderRuleError, Settings};
pub use version::Version;

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::handler::{Handler, Reply};
use super::request::Request;
use super::response::Response;
use cache::Cache;
use find::{Found, Search};
use pack::Packer;
use resource::{Probe, Resource, Seen};

/// Serves the files below one folder.
///
/// GET and HEAD with conditions, ranges and compressed forms, as [`Settings`] say; a folder is shown as its index page, or
/// as [`Folders`] say.
///
/// # Examples
///
/// ```
/// use sockeye::web::files::{Files, Root, Rules};
/// use sockeye::web::{Handler, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// std::fs::write(folder.path().join("a.txt"), "hello\n").unwrap();
/// let files = Files::new(Root::new(folder.path(), Rules::default())?);
/// let answer = files.handle(Request::made("GET", "/a.txt")).response().await;
/// assert_eq!(answer.status(), 200);
/// assert_eq!(answer.get_str("content-type"), Some("text/plain; charset=utf-8"));
/// assert_eq!(files.handle(Request::made("GET", "/../a.txt")).response().await.status(), 404);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Files {
    root: Root,
    folders: Option<Arc<dyn Folders>>,
    service: Arc<Service>,
}

/// What all clones share.
struct Service {
    settings: Settings,
    cache: Cache,
    packer: Packer,
}

impl Service {
    fn new(settings: Settings) -> Self {
        Self {
            cache: Cache::new(&settings),
            packer: Packer::new(&settings),
            settings,
        }
    }
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

/// What can be done to a file here.
const ALLOWED: &str = "GET, HEAD, OPTIONS";
/// Methods that others know (RFC 9110, 5789, 4918): not allowed here, but not unheard of.
const KNOWN: [&str; 13] = [
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
];

impl Files {
    /// Serve what is there for clients in this folder.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            folders: None,
            service: Arc::new(Service::new(Settings::default())),
        }
    }

    /// The same, with folders shown as these say; without, a folder without an index page is not found.
    pub fn folders(mut self, folders: impl Folders) -> Self {
        self.folders = Some(Arc::new(folders));
        self
    }

    /// The same, served in this way.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.service = Arc::new(Service::new(settings));
        self
    }

    fn answer(&self, request: Request) -> Reply {
        match request.method() {
            "GET" | "HEAD" => self.read(request),
            "OPTIONS" => self.options(&request).into(),
            method => {
                let (status, why) = match KNOWN.contains(&method) {
                    true => (405, "files are read here, not changed"),
                    false => (501, "nobody here knows this method"),
                };
                request.note("method", || format!("{status}: {method}"));
                Response::error(status, why).header("Allow", ALLOWED).into()
            }
        }
    }

    fn options(&self, request: &Request) -> Response {
        let response = Response::new(204).header("Allow", ALLOWED);
        let headers = request.headers();
        if self.service.settings.cors.is_none()
            || !headers.contains("access-control-request-method")
        {
            return response;
        }
        request.note("cors", || {
            "a question before a request of another origin".into()
        });
        let response = response
            .header("Access-Control-Allow-Methods", "GET, HEAD")
            .header("Access-Control-Max-Age", "86400")
            .header("Vary", "Access-Control-Request-Headers");
        match headers.get("access-control-request-headers") {
            Some(wanted) => response.header("Access-Control-Allow-Headers", wanted),
            None => response,
        }
    }

    fn read(&self, request: Request) -> Reply {
        // An explanation tells the whole way.
        if request.trail().is_none()
            && let Some(resource) = self.kept(request.rest())
        {
            return self.serve(request, &resource);
        }
        let wanted = match path::read(request.rest()) {
            Ok(wanted) => wanted,
            Err(path::Refusal(status, why)) => {
                request.note("path", || format!("{status}: {why}"));
                return self.missing(&request, status, why);
            }
        };
        let changes = self.root.changes();
        let mut search = Search {
            root: &self.root,
            settings: &self.service.settings,
            request: &request,
            probes: Vec::new(),
        };
        let found = search.find(wanted);
        let probes = search.probes;
        match found {
            Ok(Found::File(path)) => match self.load(request.rest(), &path, probes, changes) {
                Ok(resource) => self.serve(request, &resource),
                Err(error) => self.failed(&request, &error),
            },
            Ok(Found::Folder(path)) => self.show(path, request),
            // What is a folder today may be a file tomorrow.
            Ok(Found::Redirect(location)) => Response::redirect(301, &location)
                .header("Cache-Control", "no-store")
                .into(),
            Ok(Found::Nothing) => self.nothing(request),
            Ok(Found::Denied) => Response::error(403, "this may not be read").into(),
            Err(error) => self.failed(&request, &error),
        }
    }

    /// Send this file, which may have another path than was asked for: the rules are asked about its own.
    fn serve(&self, request: Request, resource: &Arc<Resource>) -> Reply {
        if request.is_restricted() {
            let base = sockeye_data::percent::decode(request.base()).unwrap_or_default();
            let path = [&*base, b"/", &*resource.path].concat();
            if !request.may_read(&path) {
                request.note("file", || "its own path may not be read".into());
                return Response::error(403, "this may not be read").into();
            }
        }
        answer::answer(request, resource, &self.service)
    }

    /// What is kept for this path, if the file that is held open was not written to.
    fn kept(&self, key: &str) -> Option<Arc<Resource>> {
        let resource = self.service.cache.find(key, &self.root)?;
        if resource.is_unwritten() {
            return Some(resource);
        }
        self.service.cache.forget(key, &resource);
        None
    }

    fn load(
        &self,
        key: &str,
        path: &[u8],
        probes: Vec<Probe>,
        changes: u64,
    ) -> io::Result<Arc<Resource>> {
        let resource = Resource::load(&self.root, &self.service.settings, path, probes, changes)?;
        let resource = Arc::new(resource);
        if resource.can_be_kept() {
            self.service.cache.keep(key, &resource);
        }
        Ok(resource)
    }

    /// The file of this path, for another path than was asked for. `key` is no path of a request.
    fn load_instead(&self, key: &str, path: &str) -> io::Result<Arc<Resource>> {
        if let Some(resource) = self.kept(key) {
            return Ok(resource);
        }
        let changes = self.root.changes();
        let path = path.trim_matches('/').as_bytes();
        let seen = resource::look(&self.root, path)?;
        let Seen::File(_) = seen else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let path = path.to_vec();
        let probe = Probe {
            path: path.clone(),
            seen,
        };
        self.load(key, &path, vec![probe], changes)
    }

    fn show(&self, path: Vec<u8>, request: Request) -> Reply {
        let Some(folders) = &self.folders else {
            request.note("folder", || "folders are not shown".into());
            return self.missing(&request, 404, "there is no such file");
        };
        match self.root.open(&path) {
            Ok(file) => {
                let folder = Folder {
                    root: self.root.clone(),
                    path,
                    file,
                };
                folders.show(folder, request)
            }
            Err(error) => self.failed(&request, &error),
        }
    }

    /// Nothing is there: a page that is a program may know what to do with the path.
    fn nothing(&self, request: Request) -> Reply {
        if let Some(fallback) = &self.service.settings.fallback {
            if !find::is_navigation(&request) {
                request.note("spa", || "no navigation: a part of a page".into());
            } else if let Ok(resource) = self.load_instead("?fallback", fallback) {
                request.note("spa", || {
                    format!("{fallback}, for paths that only it knows")
                });
                return self.serve(request, &resource);
            } else {
                request.note("spa", || format!("there is no {fallback}"));
            }
        }
        self.missing(&request, 404, "there is no such file")
    }

    /// An answer with this status, as the owner's page says it, or in one line.
    fn missing(&self, request: &Request, status: u16, why: &'static str) -> Reply {
        if status == 404
            && let Some(page) = &self.service.settings.not_found
            && let Ok(resource) = self.load_instead("?missing", page)
        {
            request.note("not found", || format!("404 with {page}"));
            let mut response = Response::new(404)
                .with_shared(Arc::clone(&resource.plain.headers))
                .with_body(resource.plain.content.part(0, resource.plain.length));
            for name in ["etag", "last-modified", "accept-ranges", "vary"] {
                response.headers_mut().remove(name);
            }
            return response.into();
        }
        Response::error(status, why).into()
    }

    fn failed(&self, request: &Request, error: &io::Error) -> Reply {
        request.note("file", || format!("cannot be read: {error}"));
        match error.kind() {
            io::ErrorKind::NotFound => self.missing(request, 404, "there is no such file"),
            io::ErrorKind::PermissionDenied => Response::error(403, "this may not be read").into(),
            _ if is_busy(error) => Response::error(503, "too many files are open")
                .header("Retry-After", "1")
                .into(),
            _ => Response::error(500, "the file cannot be read").into(),
        }
    }
}

/// Whether waiting mends it: no descriptor, no memory.
fn is_busy(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE, Errno::NOMEM]
        .iter()
        .any(|busy| error.raw_os_error() == Some(busy.raw_os_error()))
}

impl Handler for Files {
    fn handle(&self, request: Request) -> Reply {
        let reply = self.answer(request);
        match &self.service.settings.cors {
            None => reply,
            // Pages of others may read errors, too.
            Some(origin) => {
                let origin = origin.clone();
                reply.map(move |response| match response.get(ALLOW_ORIGIN) {
                    Some(_) => response,
                    None => response.header(ALLOW_ORIGIN, origin),
                })
            }
        }
    }
}

const ALLOW_ORIGIN: &str = "Access-Control-Allow-Origin";

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("root", &self.root)
            .field("settings", &self.service.settings)
            .finish_non_exhaustive()
    }
}
