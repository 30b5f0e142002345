//! CGI (RFC 3875): one process for each request, told of it by its environment, with the body as its input, and an answer
//! as its output that begins with header lines of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use sockeye_data::cgi::{Head, HeadError, Location, parse};

use super::environ::{Files, Names, environment};
use super::output::{Output, drain, unseen};
use super::redirect::Redirects;
use super::run::Run;
use super::script::{Named, Scripts};
use super::setup::Setup;
use crate::endpoint::Argv;
use crate::net::program::Spec;
use crate::web::handler::{Handler, Reply};
use crate::web::request::Request;
use crate::web::response::Response;

/// Runs CGI programs.
///
/// Mounted at a path, by [`Mounts`](super::Mounts) say, the rest of the path names the program (if it is a folder of
/// them), and what follows is its `PATH_INFO`. Programs run without a shell, in the folder that they are in, in a clean
/// environment; they need the executable bit.
///
/// A body whose length is not known (chunked) is passed on as it comes: `CONTENT_LENGTH` is not set then, and the end of
/// standard input is the end of the body. `nph-` programs are programs like others: what they write must begin with header
/// lines too.
///
/// # Examples
///
/// ```no_run
/// use sockeye::web::programs::{Cgi, Mounts, Scripts, Setup};
/// use sockeye::web::{Request, Response, Server};
///
/// # fn main() -> sockeye::Result<()> {
/// let setup = Setup::new().env("DATABASE", "notes.sqlite");
/// let programs = Cgi::new(Scripts::new("cgi-bin")?, &setup);
/// let site = |_: Request| async { Response::error(404, "there is nothing else") };
/// let server = Server::new(Mounts::new(site).at("/cgi-bin", programs));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Cgi(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    scripts: Scripts,
    setup: Setup,
    root: Option<PathBuf>,
    redirects: Redirects,
    endings: Option<Vec<String>>,
}

impl Cgi {
    /// Run these programs.
    pub fn new(scripts: Scripts, setup: &Setup) -> Self {
        Self(Arc::new(Inner {
            scripts,
            setup: setup.clone(),
            root: None,
            redirects: Redirects::default(),
            endings: None,
        }))
    }

    /// The same with a folder of files beside the programs, for `DOCUMENT_ROOT` and `PATH_TRANSLATED`.
    #[must_use]
    pub fn root(mut self, folder: impl AsRef<Path>) -> Self {
        Arc::make_mut(&mut self.0).root = Some(folder.as_ref().to_owned());
        self
    }

    /// The same, with local redirects going there; without, they are answered with 502.
    #[must_use]
    pub fn redirects(mut self, redirects: &Redirects) -> Self {
        Arc::make_mut(&mut self.0).redirects = redirects.clone();
        self
    }

    /// Only files whose names have one of these endings (`.cgi`) are programs.
    #[must_use]
    pub(super) fn endings(mut self, endings: Vec<String>) -> Self {
        Arc::make_mut(&mut self.0).endings = Some(endings);
        self
    }

    /// What a path names here.
    pub(super) fn find(&self, rest: &str) -> Named {
        self.0.scripts.find(rest, self.0.endings.as_deref())
    }

    /// Answer by what was found.
    pub(super) fn answer(&self, named: Named, request: Request) -> Reply {
        match named {
            Named::Program(path, length) => {
                let (base, rest) = (request.base(), request.rest());
                let (script, info) = rest.split_at(length);
                let names = match Names::decode(&format!("{base}{script}"), info) {
                    Ok(names) => names,
                    Err(why) => return Response::error(400, why).into(),
                };
                request.note("program", || format!("CGI program {}", path.display()));
                request.note("program", || {
                    let [script, info] =
                        [&names.script, &names.info].map(|name| String::from_utf8_lossy(name));
                    format!("SCRIPT_NAME={script} PATH_INFO={info}")
                });
                let inner = Arc::clone(&self.0);
                Reply::later(async move { inner.run(path, names, request).await })
            }
            Named::NotExecutable(path) => {
                request.note("program", || {
                    format!("{} is no program: it may not be executed", path.display())
                });
                Response::error(403, "the program may not be executed").into()
            }
            Named::Nothing => {
                request.note("program", || "no program has this name".into());
                Response::error(404, "there is no such program").into()
            }
        }
    }
}

impl Handler for Cgi {
    fn handle(&self, request: Request) -> Reply {
        self.answer(self.find(request.rest()), request)
    }
}

impl Inner {
    async fn run(&self, path: PathBuf, names: Names, mut request: Request) -> Response {
        let pass = match self.setup.gate.enter().await {
            Ok(pass) => pass,
            Err(busy) => return busy,
        };
        let files = Files {
            root: self.root.as_deref(),
            script: Some(&path),
        };
        let authorization = self.setup.authorization;
        let env = environment(&self.setup.env, &request, &names, authorization, files);
        let argv = Argv {
            program: path.clone().into(),
            args: Vec::new(),
        };
        let spec = Spec {
            argv: &argv,
            env: &env,
            clean: true,
            dir: path.parent(),
        };
        let name = path.display().to_string();
        let body = std::mem::take(&mut request.body);
        let mut run = match Run::start(&spec, name.clone(), body, &self.setup, pass) {
            Ok(run) => run,
            Err(error) => return self.setup.not_started(&name, &error),
        };
        match self.read_head(&mut run).await {
            Ok((head, rest)) => self.respond(run, head, rest, request).await,
            Err(answer) => answer,
        }
    }

    /// Read the head of the answer, and what came with it of the body. An error is the answer instead.
    async fn read_head(&self, run: &mut Run) -> Result<(Head, Bytes), Response> {
        let mut output = BytesMut::new();
        loop {
            let more = match run.output().await {
                Ok(Some(more)) => more,
                Ok(None) => return Err(no_head(run, &HeadError::Short)),
                Err(trouble) => return Err(run.answer_to(trouble, 502)),
            };
            output.extend_from_slice(&more);
            match parse(&output, self.setup.limits.head) {
                Ok(Some((head, length))) => {
                    return Ok((head, output.split_off(length).freeze()));
                }
                Ok(None) => {}
                Err(error) => return Err(no_head(run, &error)),
            }
        }
    }

    async fn respond(&self, run: Run, head: Head, rest: Bytes, request: Request) -> Response {
        let has_type = head.headers.contains("content-type");
        let mut response = match (&head.location, head.status) {
            (Some(Location::Local(path)), None) => {
                request.note("program", || format!("it points to {path} of this server"));
                let (redirects, path) = (self.redirects.clone(), path.clone());
                drain(run).await;
                return redirects.follow(request, &path).await;
            }
            (Some(_), status) => Response::new(status.unwrap_or(302)),
            (None, Some(status)) => Response::new(status),
            (None, None) if has_type => Response::new(200),
            (None, None) => {
                run.failed(
                    "it says neither Content-Type nor Status nor Location (RFC 3875 section 6.2)",
                );
                return Response::error(502, "the program gave no answer");
            }
        };
        *response.headers_mut() = head.headers;
        if let Some(location) = &head.location {
            let location = match location {
                Location::Local(path) => path.as_bytes(),
                Location::Client(url) => url,
            };
            response = response.header("Location", location);
        }
        if request.is_head() || matches!(response.status(), 204 | 304) {
            drain(run).await;
            return match head.length.filter(|_| request.is_head()) {
                Some(length) => response.header("Content-Length", length.to_string()),
                None => response.with_body(unseen()),
            };
        }
        match has_type {
            true => response.with_body(Output::body(run, rest, head.length)),
            false => without_type(run, rest, response).await,
        }
    }
}

/// An answer without Content-Type has no body; that there is none is to be seen first.
async fn without_type(mut run: Run, rest: Bytes, response: Response) -> Response {
    let more = match rest.is_empty() {
        true => run.output().await,
        false => Ok(Some(rest)),
    };
    match more {
        Ok(None) => response,
        Ok(Some(_)) => {
            run.failed("its answer has a body without a Content-Type");
            Response::error(502, "the program gave no answer")
        }
        Err(trouble) => run.answer_to(trouble, 502),
    }
}

fn no_head(run: &Run, error: &HeadError) -> Response {
    run.failed(&error.to_string());
    Response::error(502, "the program gave no answer")
}
