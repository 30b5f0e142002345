//! Files that clients send: whole or not at all.
//!
//! [`Uploads`] is a handler around that of the files: it answers what writes (PUT, forms, PATCH, MKCOL, DELETE) and hands on
//! what reads. A file is written without a name and gets it when it is complete, in one step that replaces nothing unless it
//! is meant to; every path is opened beneath the folder that takes uploads.

mod area;
mod draft;
mod fault;
mod form;
mod name;
mod page;
mod partial;
mod put;
mod resume;
mod sandbox;
mod sink;
mod store;
mod tidy;
mod usage;

pub use page::{PAGE, Page};

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use self::area::{Area, Place};
use self::fault::{Fault, Result};
use self::store::Order;
use self::usage::Usage;
use super::files::Root;
use super::handler::{Handler, Reply, Shared};
use super::request::Request;
use super::response::Response;
use crate::error::{Error, Operation};

/// What happens to an upload whose name is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// It is refused with 409.
    #[default]
    Error,
    /// It replaces the other file, in one step.
    Overwrite,
    /// It gets a name of its own: `a (2).txt`.
    Rename,
}

/// What may be uploaded, and what becomes of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Bytes of one file: 1 GiB; 413 beyond.
    pub max_size: u64,
    /// Bytes of all files in the folders that take uploads, whoever put them there; 507 beyond. No limit by default.
    pub quota: Option<u64>,
    /// What happens to a file whose name is taken.
    pub on_conflict: Conflict,
    /// Whether a file has to have reached the disk before the answer is given.
    pub fsync: bool,
    /// Whether files and empty folders may be deleted.
    pub delete: bool,
    /// Whether pages and images that were uploaded may run scripts of the site, as the site's own do. Otherwise they are
    /// shown in a sandbox: who may upload is not who owns the site.
    pub trusted: bool,
    /// Names in a path beneath the folder that takes uploads: 16.
    pub depth: usize,
    /// Files in one form: 10,000.
    pub parts: usize,
    /// Uploads that are not finished, in each folder that takes uploads: 100; 507 beyond.
    pub partials: usize,
    /// How long an upload that is not finished is kept after its last byte: a day.
    pub keep: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_size: 1 << 30,
            quota: None,
            on_conflict: Conflict::default(),
            fsync: false,
            delete: false,
            trusted: false,
            depth: 16,
            parts: 10_000,
            partials: 100,
            keep: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// Takes uploads, and hands on what reads to another handler.
///
/// # Examples
///
/// ```
/// use sockeye::web::files::{Files, Root, Rules};
/// use sockeye::web::upload::{Settings, Uploads};
/// use sockeye::web::{Handler, Request};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let folder = tempfile::tempdir()?;
/// let root = Root::new(folder.path(), Rules::default())?;
/// let site = Uploads::new(&root, &["/"], Settings::default(), Files::new(root.clone()))?;
/// let sent = site.handle(Request::made("PUT", "/notes/a.txt").with_body("hello")).response().await;
/// assert_eq!((sent.status(), sent.get_str("location")), (201, Some("/notes/a.txt")));
/// assert_eq!(std::fs::read(folder.path().join("notes/a.txt"))?, b"hello");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Uploads(Arc<Inner>);

struct Inner {
    site: Shared,
    areas: Vec<Arc<Area>>,
    settings: Settings,
    order: Order,
    born: Instant,
    /// When unfinished uploads were last looked over, in seconds since then.
    swept: AtomicU64,
}

/// Unfinished uploads are looked over this often, at most.
const SWEEP: u64 = 60;

/// A request that writes, and where to.
struct Task {
    inner: Arc<Inner>,
    place: Place,
    request: Request,
}

impl Uploads {
    /// Take uploads beneath these paths of the site (`/` is all of it) into this folder, and hand on all else to `site`.
    ///
    /// What a server that died left behind is removed by and by, on a thread of its own.
    ///
    /// # Errors
    ///
    /// A path that is no folder beneath the root.
    pub fn new(
        root: &Root,
        paths: &[impl AsRef<str>],
        settings: Settings,
        site: impl Handler,
    ) -> crate::error::Result<Self> {
        let usage = Usage::new(settings.quota);
        let mut areas = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let area = Area::new(root, path.trim_matches('/').as_bytes(), Arc::clone(&usage));
            let area = area.map_err(|error| {
                Error::from_io(Operation::Open, error)
                    .about(path)
                    .with_hint("uploads go into folders that are there")
            })?;
            areas.push(Arc::new(area));
        }
        // The innermost folder decides; one that is within another is not counted twice.
        areas.sort_by_key(|area| std::cmp::Reverse(area.depth()));
        for (index, area) in areas.iter().enumerate() {
            let is_outer = areas[index + 1..].iter().all(|other| !other.contains(area));
            if is_outer {
                usage.watch(area.root.clone());
            }
        }
        let inner = Inner {
            site: Shared::new(site),
            areas,
            settings,
            order: Order::default(),
            born: Instant::now(),
            swept: AtomicU64::new(0),
        };
        inner.sweep(&usage);
        Ok(Self(Arc::new(inner)))
    }
}

impl Inner {
    /// Look once for what a server that died left behind.
    fn sweep(&self, usage: &Arc<Usage>) {
        let (areas, usage, keep) = (self.areas.clone(), Arc::clone(usage), self.settings.keep);
        // Not more than a look; without the thread it happens at the next count.
        let _ = std::thread::Builder::new()
            .name("upload-sweep".into())
            .spawn(move || {
                usage.survey();
                for area in areas {
                    usage.give_back(area.partials.expire(keep));
                }
            });
    }

    /// From time to time, remove unfinished uploads that nobody goes on with. Blocks.
    fn expire(&self) {
        let now = self.born.elapsed().as_secs();
        let last = self.swept.load(Ordering::Relaxed);
        let is_mine = now >= last + SWEEP
            && self
                .swept
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_mine {
            for area in &self.areas {
                area.usage
                    .give_back(area.partials.expire(self.settings.keep));
            }
        }
    }

    /// The area that a path is in, and the names beneath it.
    fn find<'p>(&self, path: &'p [u8]) -> Option<(&Arc<Area>, Vec<&'p [u8]>)> {
        self.areas
            .iter()
            .find_map(|area| Some((area, area.names(path)?)))
    }
}

impl Handler for Uploads {
    fn handle(&self, mut request: Request) -> Reply {
        let Ok(path) = sockeye_data::percent::decode(request.rest()) else {
            return self.0.site.handle(request);
        };
        if path.split(|&byte| byte == b'/').any(name::is_own) {
            return Response::error(404, "there is no such file").into();
        }
        let Some((area, names)) = self.0.find(&path) else {
            return self.0.site.handle(request);
        };
        let method = request.method();
        let has_word = request.query().is_some_and(|it| it.contains("upload="));
        let is_ours = match method {
            "HEAD" | "DELETE" if has_word => true,
            "PUT" | "PATCH" | "MKCOL" => true,
            "POST" => form::is_ours(&request),
            "DELETE" => self.0.settings.delete,
            "OPTIONS" => !request.headers().contains("access-control-request-method"),
            _ => false,
        };
        if is_ours {
            // A name with a slash in it is none; files refuse it too.
            if request.rest().to_ascii_lowercase().contains("%2f") {
                let fault = Fault::new(400, "an encoded slash is no part of a name");
                return refused(&request, fault).into();
            }
            let place = match Place::new(area, &names, self.0.settings.depth) {
                Ok(place) => place,
                Err(fault) => return refused(&request, fault).into(),
            };
            let inner = Arc::clone(&self.0);
            let task = Task {
                inner,
                place,
                request,
            };
            return Reply::later(task.answer());
        }
        if request.rest().ends_with('/') && request.may_write(&path) {
            request.set_takes_uploads();
        }
        if request.is_head() && !request.rest().ends_with('/') {
            let place = Place::new(area, &names, self.0.settings.depth);
            if let Ok(place) = place {
                return Reply::later(resume::seen(Arc::clone(&self.0), place, request));
            }
        }
        self.0.read(request)
    }
}

impl Inner {
    /// What is read: the site answers, and what was uploaded is shown with care.
    fn read(&self, request: Request) -> Reply {
        let reply = self.site.handle(request);
        match self.settings.trusted {
            true => reply,
            false => reply.map(sandbox::guarded),
        }
    }
}

/// The answer to a request that cannot be carried out.
fn refused(request: &Request, fault: Fault) -> Response {
    request.note("upload", || {
        format!("refused with {}: {}", fault.status, fault.why)
    });
    fault.response()
}

impl Task {
    async fn answer(mut self) -> Response {
        let answered = match self.request.method() {
            "PUT" => self.put().await,
            "POST" if self.request.query_value("mkdir").is_some() => self.mkdir().await,
            "POST" if self.request.headers().contains("upload-complete") => self.put().await,
            "POST" => self.form().await,
            "PATCH" => self.append().await,
            "HEAD" => self.offset().await,
            "DELETE" if self.request.query_value("upload").is_some() => self.cancel().await,
            "DELETE" => self.delete().await,
            "MKCOL" => self.mkcol().await,
            _ => Ok(self.options()),
        };
        answered.unwrap_or_else(|fault| refused(&self.request, fault))
    }

    fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Whether the rules of access let this user write there; the request's own path was judged before.
    fn check_right(&self, place: &Place) -> Result<()> {
        let base = sockeye_data::percent::decode(self.request.base()).unwrap_or_default();
        let path = [base, place.plain_path()].concat();
        match self.request.may_write(&path) {
            true => Ok(()),
            false => Err(Fault::new(403, "you may not write there")),
        }
    }

    /// An explanation is no upload: it ends here.
    fn is_explained(&self, what: &str) -> bool {
        let is_asked = self.request.trail().is_some();
        self.request.note("upload", || {
            format!(
                "{what} {}, by the rule {:?} for names that are taken",
                self.place.path(),
                self.settings().on_conflict
            )
        });
        is_asked
    }

    /// The path of a place as the client asks for it.
    fn location(&self, place: &Place) -> String {
        format!("{}{}", self.request.base(), place.path())
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads")
            .field("areas", &self.0.areas)
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}
