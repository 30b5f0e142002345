//! Routes: which handler answers, by the path and the method.
//!
//! What is written down is a [`Routes`]; what answers is the [`Router`] that it becomes when all of it fits together.

mod pattern;
mod tree;

use std::fmt;
use std::sync::Arc;

use self::pattern::Pattern;
use self::tree::{Answering, Found, Node};
use super::handler::{Handler, Reply, Shared};
use super::request::Request;
use super::response::Response;
use crate::error::{Error, Kind, Operation, Result};

/// Handlers under the paths that they answer for.
///
/// A pattern is a path whose segments are text, `{name}` (one segment, not empty; [`Request::param`]) or, at the end,
/// `{*name}` (all that is left, which may be empty). Segments are compared after their percent codes were undone, once.
///
/// **Which one answers.** The most precise pattern: from left to right, text before `{name}` before `{*name}` before a
/// [mount](Routes::mount). The path decides first, then the method: another one is answered with 405 and `Allow`. GET answers
/// HEAD too; OPTIONS is answered by itself unless a route does.
///
/// **A slash at the end counts.** If only the path with (or without) it has a handler, the client is sent there (308).
///
/// Paths with `.` or `..` segments (coded or not), with broken percent codes or NUL are refused (400), so is a parameter that
/// is not UTF-8.
///
/// # Examples
///
/// ```
/// use sockeye::web::{Request, Response, Routes, TestClient};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> sockeye::Result<()> {
/// let router = Routes::new()
///     .get("/", async |_: Request| "hello\n")
///     .get("/notes/{id}", async |request: Request| {
///         format!("note {}\n", request.param("id").unwrap_or_default())
///     })
///     .post("/notes", async |_: Request| Response::new(201))
///     .build()?;
/// let mut client = TestClient::new(router);
/// assert_eq!(client.get("/notes/a%20b").await.text(), "note a b\n");
/// assert_eq!(client.get("/nothing").await.status(), 404);
/// let refused = client.get("/notes").await;
/// assert_eq!((refused.status(), refused.header("allow")), (405, Some("OPTIONS, POST")));
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Routes {
    root: Node,
    fallback: Option<Shared>,
    fault: Option<String>,
}

/// Routes that fit together: the handler that they are.
#[derive(Clone)]
pub struct Router(Arc<Table>);

struct Table {
    root: Node,
    fallback: Option<Shared>,
}

impl Routes {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answer GET (and HEAD) here.
    pub fn get(self, pattern: &str, handler: impl Handler) -> Self {
        self.on("GET", pattern, handler)
    }

    /// Answer POST here.
    pub fn post(self, pattern: &str, handler: impl Handler) -> Self {
        self.on("POST", pattern, handler)
    }

    /// Answer PUT here.
    pub fn put(self, pattern: &str, handler: impl Handler) -> Self {
        self.on("PUT", pattern, handler)
    }

    /// Answer PATCH here.
    pub fn patch(self, pattern: &str, handler: impl Handler) -> Self {
        self.on("PATCH", pattern, handler)
    }

    /// Answer DELETE here.
    pub fn delete(self, pattern: &str, handler: impl Handler) -> Self {
        self.on("DELETE", pattern, handler)
    }

    /// Answer this method here; its case matters.
    pub fn on(self, method: &str, pattern: &str, handler: impl Handler) -> Self {
        let handler = Shared::new(handler);
        self.add(pattern, |node, pattern| {
            node.add_method(pattern, method, handler)
        })
    }

    /// Answer every method here that has no handler of its own.
    pub fn any(self, pattern: &str, handler: impl Handler) -> Self {
        let handler = Shared::new(handler);
        self.add(pattern, |node, pattern| node.add_any(pattern, handler))
    }

    /// Hand on everything at and beneath this path, whatever the method. The handler sees what is left of the path as
    /// [`Request::rest`], still coded; it begins with a slash or is empty.
    pub fn mount(self, prefix: &str, handler: impl Handler) -> Self {
        let handler = Shared::new(handler);
        let trimmed = prefix.trim_end_matches('/');
        self.add(trimmed, |node, pattern| node.add_mount(pattern, handler))
    }

    /// Answer whatever no route answers, instead of 404.
    pub fn fallback(mut self, handler: impl Handler) -> Self {
        if self.fallback.is_some() {
            self.fail("there are two fallbacks".into());
        }
        self.fallback = Some(Shared::new(handler));
        self
    }

    /// The handler that these routes are.
    ///
    /// # Errors
    ///
    /// The first pattern that is none, or that two handlers were given for; kind `Usage`.
    pub fn build(self) -> Result<Router> {
        match self.fault {
            Some(fault) => Err(Error::new(Kind::Usage, Operation::Parse, fault)),
            None => Ok(Router(Arc::new(Table {
                root: self.root,
                fallback: self.fallback,
            }))),
        }
    }

    fn add(
        mut self,
        pattern: &str,
        place: impl FnOnce(&mut Node, Pattern) -> std::result::Result<(), String>,
    ) -> Self {
        let placed = Pattern::parse(pattern).and_then(|pattern| place(&mut self.root, pattern));
        if let Err(why) = placed {
            self.fail(why);
        }
        self
    }

    fn fail(&mut self, why: String) {
        self.fault.get_or_insert(why);
    }
}

impl Router {
    fn answer(&self, mut request: Request) -> Reply {
        if request.path() == "*" {
            return Response::new(204).into();
        }
        let segments = match pattern::segments(request.rest()) {
            Ok(segments) => segments,
            Err(why) => {
                request.note("route", || format!("refused: {why}"));
                return Response::error(400, why).into();
            }
        };
        if let Some(found) = self.0.root.find(&segments) {
            return found.answer(request, &segments);
        }
        if let Some(there) = self.other_slash(&request, &segments) {
            request.note("route", || format!("only {there} has a handler"));
            return Response::redirect(308, &there).into();
        }
        match &self.0.fallback {
            Some(fallback) => {
                request.note("route", || "none matches: the fallback answers".into());
                fallback.handle(request)
            }
            None => {
                request.note("route", || "none matches".into());
                // So that the engine need not read a body that nobody wants.
                request.body = super::body::Body::empty();
                Response::error(404, "there is nothing here").into()
            }
        }
    }

    /// The same place with the other ending, if that has a handler.
    fn other_slash(&self, request: &Request, segments: &[Vec<u8>]) -> Option<String> {
        let (path, mut other) = (request.path(), segments.to_vec());
        let path = match other.last() {
            Some(last) if last.is_empty() => {
                other.pop();
                path.strip_suffix('/')?.to_owned()
            }
            _ => {
                other.push(Vec::new());
                format!("{path}/")
            }
        };
        let is_there = matches!(self.0.root.find(&other)?, Found::Leaf(_));
        // `//host/` would be another host.
        if !is_there || !path.starts_with('/') || path.starts_with("//") {
            return None;
        }
        Some(match request.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        })
    }
}

impl Handler for Router {
    fn handle(&self, request: Request) -> Reply {
        self.answer(request)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("patterns", &self.root.patterns())
            .field("fault", &self.fault)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Router")
            .field(&self.0.root.patterns())
            .finish()
    }
}

impl Found<'_> {
    fn answer(self, mut request: Request, segments: &[Vec<u8>]) -> Reply {
        match self {
            Self::Leaf(leaf) => {
                let params = match leaf.params(segments) {
                    Ok(params) => params,
                    Err(why) => return Response::error(400, why).into(),
                };
                request.note("route", || leaf.describe(request.method(), &params));
                match leaf.answering(request.method()) {
                    Answering::Handler(handler) => {
                        request.add_params(params);
                        handler.handle(request)
                    }
                    Answering::Options(allow) => Response::new(204).header("Allow", allow).into(),
                    Answering::Refused(allow) => {
                        let why = format!("{} is not answered here", request.method());
                        Response::error(405, why).header("Allow", allow).into()
                    }
                }
            }
            Self::Mount(mount) => {
                let params = match mount.params(segments) {
                    Ok(params) => params,
                    Err(why) => return Response::error(400, why).into(),
                };
                let rest = request.rest();
                let settled = rest.len() - pattern::after(rest, mount.depth).len();
                let base = request.base().len() + settled;
                request.note("route", || format!("mount at {}", mount.pattern));
                request.set_base(base);
                request.add_params(params);
                mount.handler.handle(request)
            }
        }
    }
}

#[cfg(test)]
mod tests;
