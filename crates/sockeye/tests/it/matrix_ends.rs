//! The table of what a relay can stand between: for each kind, its endpoint and a way to hold its other end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use socket2::SockRef;
use sockeye::Endpoint;

use crate::matrix_tls::{self, TlsHear, TlsSay};
use crate::relay_fixture::socket_addr;

/// The kernel buffers of a slow conversation, each way and each socket, in bytes.
const SMALL: usize = 32 << 10;

/// Where a cell of the matrix keeps its files.
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    /// `in` or `out`.
    pub(crate) side: &'static str,
    /// Whether sockets get small buffers.
    pub(crate) small: bool,
}

impl Place {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{}-{name}", self.side))
    }

    /// The options of an endpoint whose carrier is a socket.
    fn options(&self, given: &[String]) -> String {
        let mut options = given.to_vec();
        if self.small {
            options.push(format!("buffer={SMALL}"));
        }
        match options.is_empty() {
            true => String::new(),
            false => format!("?{}", options.join("&")),
        }
    }

    fn shrink<'a>(&self, socket: impl Into<SockRef<'a>>) {
        if self.small {
            let socket = socket.into();
            socket.set_recv_buffer_size(SMALL).unwrap();
            socket.set_send_buffer_size(SMALL).unwrap();
        }
    }

    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        path
    }
}

/// An endpoint for the relay, and how to get hold of its other end once the relay uses it.
pub(crate) struct Ours {
    pub(crate) text: String,
    pub(crate) meet: Meet,
    /// A descriptor that the endpoint names; to be closed when the conversation is open.
    pub(crate) keep: Option<OwnedFd>,
}

type Meet = Box<dyn FnOnce(&Endpoint) -> End + Send>;

fn ours(text: String, meet: impl FnOnce(&Endpoint) -> End + Send + 'static) -> Ours {
    Ours {
        text,
        meet: Box::new(meet),
        keep: None,
    }
}

/// One row of the table.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) listens: fn(&Place) -> Ours,
    pub(crate) targets: fn(&Place) -> Ours,
    /// Whether it can end what it says and go on hearing.
    pub(crate) half_closes: bool,
    /// What it hears instead of an end, if it cannot hear one.
    pub(crate) end_mark: Option<u8>,
    /// Whether it has a way to say "broken off".
    pub(crate) resets: bool,
    /// Whether an end that is not agreed on can be told from one that is.
    pub(crate) tells_truncation: bool,
    /// Whether it gets the full amount of bytes.
    pub(crate) main: bool,
}

const ROW: Kind = Kind {
    name: "",
    listens: tcp_listen,
    targets: tcp_target,
    half_closes: true,
    end_mark: None,
    resets: false,
    tells_truncation: false,
    main: true,
};

/// Every kind that carries bytes both ways.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "tcp",
        resets: true,
        ..ROW
    },
    Kind {
        name: "tls+tcp",
        listens: tls_listen,
        targets: tls_target,
        resets: true,
        tells_truncation: true,
        ..ROW
    },
    Kind {
        name: "unix",
        listens: unix_listen,
        targets: unix_target,
        ..ROW
    },
    Kind {
        name: "unix abstract",
        listens: abstract_listen,
        targets: abstract_target,
        main: false,
        ..ROW
    },
    Kind {
        name: "tls+unix",
        listens: tls_unix_listen,
        targets: tls_unix_target,
        tells_truncation: true,
        main: false,
        ..ROW
    },
    Kind {
        name: "tls+fd",
        listens: |place| tls_descriptor(place, "cert", matrix_tls::client),
        targets: |place| tls_descriptor(place, "sni=localhost&ca", matrix_tls::server),
        tells_truncation: true,
        main: false,
        ..ROW
    },
    Kind {
        name: "exec",
        listens: exec,
        targets: exec,
        ..ROW
    },
    Kind {
        name: "pty",
        listens: pty,
        targets: pty,
        half_closes: false,
        end_mark: Some(4),
        main: false,
        ..ROW
    },
    Kind {
        name: "fd",
        listens: descriptor,
        targets: descriptor,
        main: false,
        ..ROW
    },
];

fn tcp_client(place: &Place) -> impl FnOnce(&Endpoint) -> TcpStream + Send + 'static {
    let small = place.small;
    move |local| {
        let stream = TcpStream::connect(socket_addr(local)).unwrap();
        stream.set_nodelay(true).unwrap();
        if small {
            SockRef::from(&stream).set_send_buffer_size(SMALL).unwrap();
            SockRef::from(&stream).set_recv_buffer_size(SMALL).unwrap();
        }
        stream
    }
}

fn tcp_server(place: &Place) -> (u16, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    place.shrink(&listener);
    (listener.local_addr().unwrap().port(), listener)
}

fn accepted(listener: &TcpListener) -> TcpStream {
    let stream = listener.accept().unwrap().0;
    stream.set_nodelay(true).unwrap();
    stream
}

fn tcp_listen(place: &Place) -> Ours {
    let connect = tcp_client(place);
    ours(format!("tcp:0{}", place.options(&[])), |local| {
        End::socket(connect(local))
    })
}

fn tcp_target(place: &Place) -> Ours {
    let (port, listener) = tcp_server(place);
    ours(format!("tcp:{port}{}", place.options(&[])), move |_| {
        End::socket(accepted(&listener))
    })
}

fn tls_listen(place: &Place) -> Ours {
    let cert = format!("cert={}", matrix_tls::certificate(&place.dir).display());
    let connect = tcp_client(place);
    ours(
        format!("tls://127.0.0.1:0{}", place.options(&[cert])),
        |local| End::tls(connect(local), matrix_tls::client),
    )
}

fn tls_target(place: &Place) -> Ours {
    let (port, listener) = tcp_server(place);
    let ca = format!("ca={}", matrix_tls::certificate(&place.dir).display());
    ours(
        format!("tls://localhost:{port}{}", place.options(&[ca])),
        move |_| End::tls(accepted(&listener), matrix_tls::server),
    )
}

fn unix_client(place: &Place, path: PathBuf) -> impl FnOnce() -> UnixStream + Send + 'static {
    let small = place.small;
    move || {
        let stream = UnixStream::connect(path).unwrap();
        if small {
            SockRef::from(&stream).set_send_buffer_size(SMALL).unwrap();
        }
        stream
    }
}

fn unix_listen(place: &Place) -> Ours {
    let path = place.path("socket");
    let text = format!("unix:{}{}", path.display(), place.options(&[]));
    let connect = unix_client(place, path);
    ours(text, move |_| End::socket(connect()))
}

fn unix_target(place: &Place) -> Ours {
    let path = place.path("socket");
    let text = format!("unix:{}{}", path.display(), place.options(&[]));
    let listener = UnixListener::bind(path).unwrap();
    ours(text, move |_| End::socket(listener.accept().unwrap().0))
}

fn tls_unix_listen(place: &Place) -> Ours {
    let path = place.path("socket");
    let cert = format!("cert={}", matrix_tls::certificate(&place.dir).display());
    let text = format!("tls+unix:{}{}", path.display(), place.options(&[cert]));
    let connect = unix_client(place, path);
    ours(text, move |_| End::tls(connect(), matrix_tls::client))
}

fn tls_unix_target(place: &Place) -> Ours {
    let path = place.path("socket");
    let options = [
        format!("ca={}", matrix_tls::certificate(&place.dir).display()),
        "sni=localhost".to_owned(),
    ];
    let text = format!("tls+unix:{}{}", path.display(), place.options(&options));
    let listener = UnixListener::bind(path).unwrap();
    ours(text, move |_| {
        End::tls(listener.accept().unwrap().0, matrix_tls::server)
    })
}

fn abstract_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("sockeye-test-{}-{number}", std::process::id())
}

fn abstract_listen(place: &Place) -> Ours {
    let name = abstract_name();
    ours(format!("unix:@{name}{}", place.options(&[])), move |_| {
        let addr = UnixAddr::from_abstract_name(name).unwrap();
        End::socket(UnixStream::connect_addr(&addr).unwrap())
    })
}

fn abstract_target(place: &Place) -> Ours {
    let name = abstract_name();
    let addr = UnixAddr::from_abstract_name(&name).unwrap();
    let listener = UnixListener::bind_addr(&addr).unwrap();
    ours(format!("unix:@{name}{}", place.options(&[])), move |_| {
        End::socket(listener.accept().unwrap().0)
    })
}

/// A program that carries its standard input to one named pipe, and another one to its standard output.
fn exec(place: &Place) -> Ours {
    program(place, "exec", "")
}

/// The same behind a terminal that changes nothing. It ends when what it says ends.
fn pty(place: &Place) -> Ours {
    program(place, "pty", "stty raw -echo; ")
}

fn program(place: &Place, scheme: &str, first: &str) -> Ours {
    let (hears, says) = (place.fifo("hears"), place.fifo("says"));
    let (to, from) = (hears.display(), says.display());
    let script = format!("{first}exec 3<&0; cat <&3 >{to} & exec 3<&- </dev/null; exec cat {from}");
    ours(format!("{scheme}:sh -c '{script}'"), move |_| End {
        hear: Hear::File(File::open(hears).unwrap()),
        say: Some(Say::File(File::options().write(true).open(says).unwrap())),
    })
}

/// A socket that this process has from elsewhere.
fn descriptor(_: &Place) -> Ours {
    let (theirs, end) = UnixStream::pair().unwrap();
    let text = format!("fd:{}", theirs.as_raw_fd());
    Ours {
        keep: Some(theirs.into()),
        ..ours(text, move |_| End::socket(end))
    }
}

fn tls_descriptor(place: &Place, pem: &str, agree: Agree) -> Ours {
    let (theirs, end) = UnixStream::pair().unwrap();
    let path = matrix_tls::certificate(&place.dir);
    let text = format!("tls+fd:{}?{pem}={}", theirs.as_raw_fd(), path.display());
    Ours {
        keep: Some(theirs.into()),
        ..ours(text, move |_| End::tls(end, agree))
    }
}

/// One side's part in a TLS handshake.
type Agree = fn(Socket) -> (TlsHear, TlsSay);

/// The other end of an endpoint.
pub(crate) struct End {
    pub(crate) hear: Hear,
    /// `None` when it has ended what it says.
    pub(crate) say: Option<Say>,
}

pub(crate) enum Hear {
    Socket(Socket),
    Tls(TlsHear),
    File(File),
}

pub(crate) enum Say {
    Socket(Socket),
    Tls(TlsSay),
    /// It ends by being closed.
    File(File),
}

impl End {
    fn socket(socket: impl Into<Socket>) -> Self {
        let socket = socket.into();
        Self {
            hear: Hear::Socket(socket.again()),
            say: Some(Say::Socket(socket)),
        }
    }

    fn tls(socket: impl Into<Socket>, agree: Agree) -> Self {
        let (hear, say) = agree(socket.into());
        Self {
            hear: Hear::Tls(hear),
            say: Some(Say::Tls(say)),
        }
    }

    /// Say all of this.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.say.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Say no more.
    pub(crate) fn end(&mut self) {
        match self.say.take() {
            Some(Say::Socket(Socket::Tcp(socket))) => socket.shutdown(Shutdown::Write).unwrap(),
            Some(Say::Socket(Socket::Unix(socket))) => socket.shutdown(Shutdown::Write).unwrap(),
            Some(Say::Tls(tls)) => tls.end(),
            Some(Say::File(_)) | None => {}
        }
    }

    /// Hear exactly this.
    pub(crate) fn hears(&mut self, expected: &[u8]) {
        self.hear.exactly(expected);
    }

    /// Hear that the other side has ended.
    pub(crate) fn hears_end(&mut self, kind: &Kind) {
        let mut rest = [0; 64];
        match self.hear.read(&mut rest) {
            Ok(0) => {}
            Ok(n) if kind.end_mark.is_some_and(|mark| rest[..n] == [mark]) => {}
            other => panic!("heard {other:?} ({:?}) instead of the end", &rest[..8]),
        }
    }
}

/// Break a connection off.
pub(crate) fn reset(end: End) {
    let tcp = match &end.hear {
        Hear::Socket(Socket::Tcp(tcp)) => tcp,
        Hear::Tls(tls) => match tls.socket() {
            Socket::Tcp(tcp) => tcp,
            Socket::Unix(_) => panic!("a Unix socket has no reset"),
        },
        _ => panic!("no reset"),
    };
    SockRef::from(tcp).set_linger(Some(Duration::ZERO)).unwrap();
}

impl Hear {
    pub(crate) fn exactly(&mut self, expected: &[u8]) {
        let mut buffer = vec![0; 64 << 10];
        let mut at = 0;
        while at < expected.len() {
            let wanted = buffer.len().min(expected.len() - at);
            let n = match self.read(&mut buffer[..wanted]) {
                Ok(0) => panic!("ended after {at} of {} bytes", expected.len()),
                Ok(n) => n,
                Err(e) => panic!("failed after {at} of {} bytes: {e}", expected.len()),
            };
            assert!(
                buffer[..n] == expected[at..at + n],
                "a difference within {n} bytes after byte {at}"
            );
            at += n;
        }
    }
}

impl Read for Hear {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.read(buf),
            Self::Tls(tls) => tls.read(buf),
            Self::File(file) => file.read(buf),
        }
    }
}

impl Write for Say {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket of std.
pub(crate) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Tcp(socket) => Self::Tcp(socket.try_clone().unwrap()),
            Self::Unix(socket) => Self::Unix(socket.try_clone().unwrap()),
        }
    }
}

impl From<TcpStream> for Socket {
    fn from(socket: TcpStream) -> Self {
        Self::Tcp(socket)
    }
}

impl From<UnixStream> for Socket {
    fn from(socket: UnixStream) -> Self {
        Self::Unix(socket)
    }
}

impl Read for Socket {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buf),
            Self::Unix(socket) => socket.read(buf),
        }
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Unix(socket) => socket.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
