//! A web server for a test: any handler, on a port of its own, until it is dropped.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;

use sockeye::Net;
use sockeye::web::{Bounds, Handler, Server};
use sockeye_testkit::LIMIT;
use tokio_util::sync::CancellationToken;

/// A running server.
pub(crate) struct Serving {
    addr: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    pub(crate) fn new(handler: impl Handler) -> Self {
        Self::bounded(handler, Bounds::default())
    }

    pub(crate) fn bounded(handler: impl Handler, bounds: Bounds) -> Self {
        let server = Server::new(handler).bounds(bounds);
        let stop = CancellationToken::new();
        let (say, hear) = std::sync::mpsc::channel();
        let ours = stop.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = Net::new().listen(&"0".parse().unwrap()).await.unwrap();
                say.send(listener.local().to_string()).unwrap();
                server.serve(listener, ours).await.unwrap();
            });
        });
        let at: String = hear.recv_timeout(LIMIT).unwrap();
        Self {
            addr: at.trim_start_matches("tcp://").parse().unwrap(),
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// A connection, with a limit on each read and write.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream
    }

    /// Send this and read until the server closes.
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic of the server was seen by whoever asked it.
            let _ = thread.join();
        }
    }
}

/// Read up to and with these bytes.
pub(crate) fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(end.as_bytes()) {
        assert_eq!(
            stream.read(&mut byte).unwrap(),
            1,
            "{:?}",
            String::from_utf8_lossy(&read)
        );
        read.push(byte[0]);
    }
    String::from_utf8(read).unwrap()
}
