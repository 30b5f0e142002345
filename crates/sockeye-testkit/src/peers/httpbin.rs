//! httpbin: a server that shows what it was asked, and answers in every way one likes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;

use super::python_with;
use crate::Program;

/// httpbin under gunicorn, with one process and sixteen threads. It runs until the value is dropped, or the process ends.
#[derive(Debug)]
pub struct HttpBin {
    addr: SocketAddr,
    program: Program,
}

impl HttpBin {
    /// Start one, which takes about half a second; `None` after a visible note if Python lacks it.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let python = python_with(&["gunicorn", "httpbin"])?;
        // The shell kills its process group, itself included, when its standard input ends: a value that lives as long
        // as the test process is never dropped.
        let script = "\"$@\" </dev/null & read -r never; kill -9 0";
        let python = python.to_str().unwrap();
        let args = [
            "-c",
            script,
            "sh",
            python,
            "-m",
            "gunicorn",
            "--bind=127.0.0.1:0",
            "--workers=1",
            "--worker-class=gthread",
            "--threads=16",
            "--no-control-socket",
            "httpbin:app",
        ];
        let program = Program::start("sh", args);
        let said = program.stderr_until("Using worker");
        let said = String::from_utf8_lossy(&said);
        let port = said
            .split_once("http://127.0.0.1:")
            .and_then(|(_, rest)| rest.split(' ').next())
            .and_then(|port| port.parse::<u16>().ok());
        let port = port.unwrap_or_else(|| panic!("no port in {said:?}"));
        // Calls that come before its worker is up wait in the queue of the listening socket.
        Some(Self {
            addr: (Ipv4Addr::LOCALHOST, port).into(),
            program,
        })
    }

    /// The one that all tests of this process share.
    ///
    /// # Panics
    ///
    /// If it is there and does not start.
    #[must_use]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<HttpBin>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of this path, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The program behind it: a shell, whose child is gunicorn.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{self, tests::curl};

    #[test]
    fn httpbin_shows_what_it_was_asked() {
        if peers::curl().is_none() {
            return;
        }
        let Some(httpbin) = HttpBin::shared() else {
            return;
        };
        let text = curl(&["-d", "a=1", &httpbin.url("/post?b=2")]);
        assert!(
            text.contains("\"a\": \"1\"") && text.contains("\"b\": \"2\""),
            "{text}"
        );
        let text = curl(&["-i", &httpbin.url("/status/418")]);
        assert!(text.starts_with("HTTP/1.1 418"), "{text}");
    }

    #[test]
    fn httpbin_ends_with_its_standard_input() {
        let Some(mut httpbin) = HttpBin::start() else {
            return;
        };
        httpbin.program.close_stdin();
        let output = httpbin.program.wait();
        assert_eq!(output.signal, Some(9));
    }
}
