//! A web server whose answers a closure gives, byte for byte.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::LIMIT;

/// One request that a [`Web`] was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// On which connection, counted from 1.
    pub connection: usize,
    /// The first line, without its end: `GET / HTTP/1.1`.
    pub line: String,
    /// The whole head as it came, with its line ends.
    pub head: String,
    /// The body, without chunks.
    pub body: Vec<u8>,
}

impl Asked {
    /// The method.
    pub fn method(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// The target: path and query.
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of a header; the first of several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        let found = lines.find(|(it, _)| it.eq_ignore_ascii_case(name))?;
        Some(found.1.trim())
    }
}

type Handler = dyn Fn(&Asked) -> Vec<u8> + Send + Sync;

/// A web server on 127.0.0.1: the closure is handed each request, and what it returns is sent as it is.
///
/// A connection goes on until the client closes, or until an answer says `Connection: close`. An empty answer closes it at once.
/// Each connection has a thread of its own, and all end when this is dropped.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use sockeye_testkit::Web;
///
/// let web = Web::new(|asked| format!("HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{}", asked.target()).into());
/// let mut stream = std::net::TcpStream::connect(web.addr())?;
/// stream.write_all(b"GET /x HTTP/1.0\r\n\r\n")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("/x"));
/// assert_eq!(web.asked().len(), 1);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Web {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Web {
    /// Start it.
    pub fn new(handler: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let web = Self {
            addr,
            asked: Arc::default(),
            connections: Arc::default(),
            stop: Arc::default(),
        };
        let handler: Arc<Handler> = Arc::new(handler);
        let (asked, connections, stop) =
            (web.asked.clone(), web.connections.clone(), web.stop.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let (asked, handler) = (asked.clone(), handler.clone());
                thread::spawn(move || drop(converse(stream, number, &asked, &*handler)));
            }
        });
        web
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The URL of this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// What it was asked so far, in the order of the requests' ends.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How many connections it took so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread; if it cannot, the thread ends with the process.
        drop(TcpStream::connect_timeout(&self.addr, LIMIT));
    }
}

fn converse(
    stream: TcpStream,
    connection: usize,
    asked: &Mutex<Vec<Asked>>,
    handler: &Handler,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, &mut writer, connection)? {
        asked.lock().unwrap().push(request.clone());
        let answer = handler(&request);
        writer.write_all(&answer)?;
        let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let head = &answer[..head_end.unwrap_or(0)];
        let closes = String::from_utf8_lossy(head)
            .to_ascii_lowercase()
            .contains("connection: close");
        if closes || answer.is_empty() {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}

fn read(
    reader: &mut BufReader<TcpStream>,
    writer: &mut TcpStream,
    connection: usize,
) -> io::Result<Option<Asked>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let line = head.lines().next().unwrap_or_default().to_owned();
    let mut request = Asked {
        connection,
        line,
        head,
        body: Vec::new(),
    };
    if request.header("expect").is_some() {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if let Some(length) = request.header("content-length") {
        let length: u64 = length.parse().map_err(io::Error::other)?;
        let read = reader.take(length).read_to_end(&mut request.body)?;
        if (read as u64) < length {
            return Ok(None);
        }
    } else if request.header("transfer-encoding").is_some() {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size)?;
            let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            reader.take(size).read_to_end(&mut request.body)?;
            reader.read_line(&mut String::new())?;
            if size == 0 {
                break;
            }
        }
    }
    Ok(Some(request))
}
