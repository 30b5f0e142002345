//! A web server under test and its clients, who speak raw bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use sockeye::Net;
use sockeye::web::{Handler, Log, Record, Server};
use sockeye_testkit::LIMIT;
use tokio_util::sync::CancellationToken;

/// A server on a thread of its own, with what its log heard.
pub(crate) struct Site {
    pub(crate) at: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
    records: Receiver<Entry>,
}

/// What the log heard of one request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) target: Option<String>,
    pub(crate) status: u16,
    pub(crate) sent: u64,
    pub(crate) broken: Option<String>,
}

struct Listening(Mutex<Sender<Entry>>);

impl Log for Listening {
    fn answered(&self, record: &Record<'_>) {
        let target = record.head.map(|head| head.target.clone());
        let entry = Entry {
            target: target.map(|target| String::from_utf8_lossy(&target).into_owned()),
            status: record.status,
            sent: record.sent,
            broken: record.broken.map(str::to_owned),
        };
        // The test may have heard enough.
        let _ = self.0.lock().unwrap().send(entry);
    }
}

impl Site {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self::of(Server::new(handler))
    }

    pub(crate) fn of(server: Server) -> Self {
        let (sender, records) = mpsc::channel();
        let server = server.log(Arc::new(Listening(Mutex::new(sender))));
        let stop = CancellationToken::new();
        let (told, at) = mpsc::channel();
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let at = "127.0.0.1:0".parse().unwrap();
                let listener = Net::new().listen(&at).await.unwrap();
                let local = listener.local().to_string();
                told.send(local.trim_start_matches("tcp://").parse().unwrap())
                    .unwrap();
                server.serve(listener, stopped).await.unwrap();
            });
        });
        Self {
            at: at.recv_timeout(LIMIT).unwrap(),
            stop,
            thread: Some(thread),
            records,
        }
    }

    /// A client that has said this.
    pub(crate) fn say(&self, bytes: impl AsRef<[u8]>) -> Talk {
        let mut talk = self.connect();
        talk.say(bytes);
        talk
    }

    pub(crate) fn connect(&self) -> Talk {
        let stream = TcpStream::connect_timeout(&self.at, LIMIT).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Talk(stream)
    }

    /// All that comes back for these bytes, behind which the client says no more.
    pub(crate) fn ask(&self, bytes: impl AsRef<[u8]>) -> String {
        let talk = self.say(bytes);
        talk.end();
        talk.rest()
    }

    /// What the log hears next.
    pub(crate) fn record(&self) -> Entry {
        self.records.recv_timeout(LIMIT).unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take()
            && !thread::panicking()
        {
            thread.join().unwrap();
        }
    }
}

/// A client.
pub(crate) struct Talk(pub(crate) TcpStream);

impl Talk {
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Say no more, and go on listening.
    pub(crate) fn end(&self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// What comes until the server's end, without the lines that tell the time.
    pub(crate) fn rest(mut self) -> String {
        let mut heard = Vec::new();
        self.0.read_to_end(&mut heard).unwrap();
        timeless(&heard)
    }

    /// What comes until the connection is broken off, which must not look like its end.
    pub(crate) fn until_reset(mut self) -> String {
        let mut heard = Vec::new();
        let error = self.0.read_to_end(&mut heard).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        timeless(&heard)
    }

    /// What comes until this has come, without the lines that tell the time.
    pub(crate) fn until(&mut self, wanted: &str) -> String {
        let mut heard = Vec::new();
        let mut byte = [0];
        while !heard.ends_with(wanted.as_bytes()) {
            match self.0.read(&mut byte) {
                Ok(1) => heard.push(byte[0]),
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&heard)),
            }
        }
        timeless(&heard)
    }

    /// Break off.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.0)
            .set_linger(Some(std::time::Duration::ZERO))
            .unwrap();
    }
}

/// Answers without their `Date` lines, each of which must be a good one.
fn timeless(heard: &[u8]) -> String {
    let text = String::from_utf8_lossy(heard);
    let mut rest = &*text;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once("\r\nDate: ") {
        let (date, after) = after.split_once("\r\n").unwrap();
        assert!(sockeye_data::fields::date::parse(date).is_some(), "{date}");
        kept.push_str(before);
        kept.push_str("\r\n");
        rest = after;
    }
    kept + rest
}
