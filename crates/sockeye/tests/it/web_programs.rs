//! What the tests of programs share: a folder of them, and who hears of what they say aside.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sockeye::Net;
use sockeye::web::programs::Setup;
use sockeye::web::{Handler, Server};
use sockeye_testkit::LIMIT;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// In time, or the test has failed.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(LIMIT, future).await.expect("in time")
}

/// A folder of programs.
pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(sockeye_testkit::temporary_dir())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A program in `sh`.
    pub(crate) fn sh(&self, name: &str, lines: &str) -> &Self {
        self.put(name, &format!("#!/bin/sh\n{lines}\n"), 0o755)
    }

    pub(crate) fn put(&self, name: &str, text: &str, mode: u32) -> &Self {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        self
    }
}

/// What programs said aside.
#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<(Mutex<Vec<String>>, Notify)>);

impl Heard {
    /// A setup whose remarks come here, without what differs from run to run.
    pub(crate) fn setup(&self) -> Setup {
        let heard = self.clone();
        Setup::new().remarks(move |remark| {
            let name = remark.program.rsplit('/').next().unwrap_or_default();
            let line = format!("{name}: {}", remark.text);
            heard.0.0.lock().unwrap().push(line);
            heard.0.1.notify_waiters();
        })
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// Wait until such a remark is there.
    pub(crate) async fn until(&self, wanted: &str) -> String {
        let found = async {
            loop {
                let woken = self.0.1.notified();
                tokio::pin!(woken);
                woken.as_mut().enable();
                if let Some(line) = self.all().into_iter().find(|line| line.contains(wanted)) {
                    return line;
                }
                woken.await;
            }
        };
        match timeout(LIMIT, found).await {
            Ok(line) => line,
            Err(_) => panic!("no remark with {wanted:?} among {:?}", self.all()),
        }
    }
}

/// A server with this handler.
pub(crate) struct Site {
    pub(crate) at: String,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start(handler: impl Handler) -> Self {
        let listener = Net::new()
            .listen(&"127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let at = listener.local().to_string().replace("tcp://", "");
        let stop = CancellationToken::new();
        let server = Server::new(handler);
        let running = tokio::spawn({
            let stop = stop.clone();
            async move {
                server.serve(listener, stop).await.unwrap();
            }
        });
        Self { at, stop, running }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    /// Write this, and hear all that comes until the end.
    pub(crate) async fn ask(&self, text: impl AsRef<[u8]>) -> String {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = tokio::net::TcpStream::connect(&self.at).await.unwrap();
        let mut heard = Vec::new();
        soon(async {
            stream.write_all(text.as_ref()).await.unwrap();
            // A connection that is broken off is an end too.
            let _ = stream.read_to_end(&mut heard).await;
        })
        .await;
        String::from_utf8_lossy(&heard).into_owned()
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        soon(self.running).await.unwrap();
    }
}

/// Run a peer beside the server.
pub(crate) async fn run(command: std::process::Command) -> sockeye_testkit::Output {
    let ran = tokio::task::spawn_blocking(move || {
        sockeye_testkit::Program::start_command(command).finish()
    });
    ran.await.unwrap()
}

/// Wait until no process has this number any more, or only its remains.
pub(crate) async fn gone(pid: &str) {
    let stat = format!("/proc/{}/stat", pid.trim());
    soon(async {
        while std::fs::read_to_string(&stat).is_ok_and(|text| !text.contains(") Z ")) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
