//! The simplest handler: a command, whose output is the body of the answer.

use std::sync::Arc;

use super::environ::{Files, Names, environment};
use super::output::{Output, drain, unseen};
use super::run::Run;
use super::setup::Setup;
use crate::endpoint::Argv;
use crate::net::program::Spec;
use crate::web::handler::{Handler, Reply};
use crate::web::request::Request;
use crate::web::response::Response;

/// Runs a command for each request: the request's body is its input, its output the answer's body.
///
/// The environment is that of CGI, and describes the request; the answer's media type is said here, or `text/plain` if the
/// output begins as UTF-8, else `application/octet-stream`. A command that fails before it has said anything is answered
/// for with 500; one that fails later leaves an answer that is broken off.
///
/// # Examples
///
/// ```no_run
/// use sockeye::web::programs::{Exec, Setup};
/// use sockeye::web::Server;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = Server::new(Exec::new("wc -c".parse()?, &Setup::new()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Exec(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    argv: Argv,
    setup: Setup,
    media_type: Option<String>,
}

impl Exec {
    /// Run this program with these words. No shell has a part in it.
    pub fn new(argv: Argv, setup: &Setup) -> Self {
        Self(Arc::new(Inner {
            argv,
            setup: setup.clone(),
            media_type: None,
        }))
    }

    /// The same for a line that `/bin/sh` runs. Nothing of a request becomes part of the line.
    pub fn shell(line: impl Into<std::ffi::OsString>, setup: &Setup) -> Self {
        let argv = Argv {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), line.into()],
        };
        Self::new(argv, setup)
    }

    /// The same with a media type for the answers.
    #[must_use]
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).media_type = Some(media_type.into());
        self
    }
}

impl Handler for Exec {
    fn handle(&self, request: Request) -> Reply {
        let names = match Names::decode(request.base(), request.rest()) {
            Ok(names) => names,
            Err(why) => return Response::error(400, why).into(),
        };
        request.note("program", || {
            format!(
                "the output of `{}` is the answer",
                self.0.argv.program.display()
            )
        });
        let inner = Arc::clone(&self.0);
        Reply::later(async move { inner.run(names, request).await })
    }
}

impl Inner {
    async fn run(&self, names: Names, mut request: Request) -> Response {
        let setup = &self.setup;
        let pass = match setup.gate.enter().await {
            Ok(pass) => pass,
            Err(busy) => return busy,
        };
        let files = Files::default();
        let env = environment(&setup.env, &request, &names, setup.authorization, files);
        let spec = Spec {
            argv: &self.argv,
            env: &env,
            clean: true,
            dir: None,
        };
        let name = match &*self.argv.args {
            // What a shell runs says more than that it is a shell.
            [flag, line] if flag == "-c" => line.display().to_string(),
            _ => self.argv.program.display().to_string(),
        };
        let body = std::mem::take(&mut request.body);
        let mut run = match Run::start(&spec, name.clone(), body, setup, pass) {
            Ok(run) => run,
            Err(error) => return setup.not_started(&name, &error),
        };
        let first = match run.output().await {
            Ok(first) => first.unwrap_or_default(),
            Err(trouble) => return run.answer_to(trouble, 500),
        };
        let media_type = self.media_type.as_deref().unwrap_or_else(|| sniff(&first));
        let response = Response::new(200)
            .header("Content-Type", media_type)
            .header("X-Content-Type-Options", "nosniff");
        if request.is_head() {
            drain(run).await;
            return response.with_body(unseen());
        }
        response.with_body(Output::body(run, first, None))
    }
}

/// The media type of an output that begins so.
fn sniff(first: &[u8]) -> &'static str {
    let is_text = match std::str::from_utf8(first) {
        Ok(_) => true,
        // A character may be cut in two.
        Err(error) => error.error_len().is_none(),
    };
    match is_text && !first.contains(&0) {
        true => "text/plain; charset=utf-8",
        false => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::sniff;

    #[test]
    fn what_an_output_is() {
        for text in ["", "plain\n", "na\u{ef}ve"] {
            assert_eq!(
                sniff(text.as_bytes()),
                "text/plain; charset=utf-8",
                "{text}"
            );
        }
        assert_eq!(
            sniff("na\u{ef}".as_bytes().split_last().unwrap().1),
            "text/plain; charset=utf-8"
        );
        for bytes in [&b"\x89PNG\r\n"[..], b"a\0b", b"na\xefve"] {
            assert_eq!(sniff(bytes), "application/octet-stream");
        }
    }
}
