//! Scripted servers and clients.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::script::{Link, follow};
use crate::{LIMIT, Report, Step};

/// A peer that follows a script on threads of its own.
///
/// A server binds a port that the system chooses and then says which; a client connects. Either way [`Peer::finish`]
/// waits for the script to end and hands out what was received. A peer that is dropped without that fails the test if
/// nobody called it or if its script was not followed to the end.
///
/// # Examples
///
/// ```
/// use std::io::{Read, Write};
/// use sockeye_testkit::{Peer, Step};
///
/// let peer = Peer::tcp([Step::expect("ping"), Step::send("pong")]);
/// let mut stream = std::net::TcpStream::connect(peer.addr())?;
/// stream.write_all(b"ping")?;
/// let mut answer = String::new();
/// stream.read_to_string(&mut answer)?;
/// assert_eq!(answer, "pong");
/// assert_eq!(peer.finish().received, b"ping");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Peer {
    place: Place,
    outcome: Receiver<Result<Report, String>>,
    conversations: usize,
    /// Dropping it wakes a server that nobody called.
    stop: Option<UnixStream>,
    finished: bool,
}

#[derive(Debug)]
enum Place {
    Inet(SocketAddr),
    Unix(PathBuf),
}

enum Listening {
    Tcp(TcpListener),
    Unix(UnixListener),
    Udp(UdpSocket),
}

impl Peer {
    /// A TCP server on 127.0.0.1 for one connection.
    pub fn tcp(script: impl Into<Vec<Step>>) -> Self {
        Self::tcp_times(1, script)
    }

    /// A TCP server on 127.0.0.1 that follows the script with so many connections, all at once if they come at once.
    pub fn tcp_times(conversations: usize, script: impl Into<Vec<Step>>) -> Self {
        Self::tcp_at("127.0.0.1:0", conversations, script)
    }

    /// A TCP server on `[::1]` for one connection, or `None` with a visible note where there is no IPv6.
    pub fn tcp6(script: impl Into<Vec<Step>>) -> Option<Self> {
        if TcpListener::bind("[::1]:0").is_err() {
            crate::peers::note("SKIPPED", "IPv6 on loopback");
            return None;
        }
        Some(Self::tcp_at("[::1]:0", 1, script))
    }

    fn tcp_at(at: &str, conversations: usize, script: impl Into<Vec<Step>>) -> Self {
        let listener = TcpListener::bind(at).unwrap();
        let place = Place::Inet(listener.local_addr().unwrap());
        Self::serve(place, Listening::Tcp(listener), conversations, script)
    }

    /// A Unix stream server for one connection, at this path.
    pub fn unix(path: impl AsRef<Path>, script: impl Into<Vec<Step>>) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let place = Place::Unix(path.as_ref().to_owned());
        Self::serve(place, Listening::Unix(listener), 1, script)
    }

    /// A UDP socket on 127.0.0.1; it answers whoever sent last.
    pub fn udp(script: impl Into<Vec<Step>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let place = Place::Inet(socket.local_addr().unwrap());
        Self::serve(place, Listening::Udp(socket), 1, script)
    }

    /// A TCP client.
    pub fn connect_tcp(to: SocketAddr, script: impl Into<Vec<Step>>) -> Self {
        let stream = TcpStream::connect_timeout(&to, LIMIT)
            .unwrap_or_else(|e| panic!("the scripted client cannot connect to {to}: {e}"));
        let place = Place::Inet(stream.local_addr().unwrap());
        Self::talk(place, Link::Tcp(stream), script)
    }

    /// A Unix stream client.
    pub fn connect_unix(to: impl AsRef<Path>, script: impl Into<Vec<Step>>) -> Self {
        let to = to.as_ref();
        let stream = UnixStream::connect(to)
            .unwrap_or_else(|e| panic!("the scripted client cannot connect to {to:?}: {e}"));
        Self::talk(Place::Unix(to.to_owned()), Link::Unix(stream), script)
    }

    /// A UDP client.
    pub fn connect_udp(to: SocketAddr, script: impl Into<Vec<Step>>) -> Self {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any).unwrap();
        let place = Place::Inet(socket.local_addr().unwrap());
        Self::talk(place, Link::Udp(socket, to, None), script)
    }

    /// The address of this end.
    ///
    /// # Panics
    ///
    /// For a Unix socket: that has a path.
    pub fn addr(&self) -> SocketAddr {
        match &self.place {
            Place::Inet(addr) => *addr,
            Place::Unix(path) => panic!("{} is a Unix socket", path.display()),
        }
    }

    /// The port of this end.
    pub fn port(&self) -> u16 {
        self.addr().port()
    }

    /// Wait until the script has ended, and hand out what was received.
    ///
    /// # Panics
    ///
    /// If nobody called, if a step failed, or after twice [`LIMIT`].
    pub fn finish(mut self) -> Report {
        let mut reports = self.collect();
        assert_eq!(reports.len(), 1, "several conversations: use `finish_all`");
        reports.remove(0)
    }

    /// [`Peer::finish`] for several conversations, in the order in which they ended.
    pub fn finish_all(mut self) -> Vec<Report> {
        self.collect()
    }

    fn collect(&mut self) -> Vec<Report> {
        self.finished = true;
        let reports = (0..self.conversations).map(|_| {
            let outcome = self.outcome.recv_timeout(2 * LIMIT);
            match outcome {
                Ok(Ok(report)) => report,
                Ok(Err(why)) => panic!("the scripted peer failed: {why}"),
                Err(_) => panic!("the scripted peer did not end within {:?}", 2 * LIMIT),
            }
        });
        reports.collect()
    }

    fn talk(place: Place, link: Link, script: impl Into<Vec<Step>>) -> Self {
        let script = script.into();
        let (sender, outcome) = mpsc::channel();
        thread::spawn(move || drop(sender.send(follow(link, &script))));
        Self {
            place,
            outcome,
            conversations: 1,
            stop: None,
            finished: false,
        }
    }

    fn serve(
        place: Place,
        listening: Listening,
        conversations: usize,
        script: impl Into<Vec<Step>>,
    ) -> Self {
        let script = script.into();
        let (sender, outcome) = mpsc::channel();
        let (stop, stopped) = UnixStream::pair().unwrap();
        thread::spawn(move || {
            for number in 0..conversations {
                let (sender, script) = (sender.clone(), script.clone());
                match listening.accept(&stopped) {
                    Ok(link) => {
                        thread::spawn(move || drop(sender.send(follow(link, &script))));
                    }
                    Err(why) => {
                        let why = format!("{why} (after {number} of {conversations} calls)");
                        drop(sender.send(Err(why)));
                        return;
                    }
                }
            }
        });
        Self {
            place,
            outcome,
            conversations,
            stop: Some(stop),
            finished: false,
        }
    }
}

impl Listening {
    /// Wait for a caller, for the peer to be dropped, or for the limit.
    fn accept(&self, stopped: &UnixStream) -> Result<Link, String> {
        let own = match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        };
        let mut ask = [
            PollFd::new(own, PollFlags::POLLIN),
            PollFd::new(stopped.as_fd(), PollFlags::POLLIN),
        ];
        let limit = PollTimeout::try_from(LIMIT).unwrap_or(PollTimeout::NONE);
        let text = |e: std::io::Error| e.to_string();
        if poll(&mut ask, limit).map_err(|e| e.to_string())? == 0 {
            return Err(format!("nobody called it within {LIMIT:?}"));
        }
        if !ask[0].any().unwrap_or(false) {
            return Err("nobody called it".into());
        }
        match self {
            Self::Tcp(listener) => listener.accept().map(|(s, _)| Link::Tcp(s)).map_err(text),
            Self::Unix(listener) => listener.accept().map(|(s, _)| Link::Unix(s)).map_err(text),
            Self::Udp(socket) => {
                let mut first = vec![0; 65_536];
                let (n, from) = socket.recv_from(&mut first).map_err(text)?;
                first.truncate(n);
                Ok(Link::Udp(
                    socket.try_clone().map_err(text)?,
                    from,
                    Some(first),
                ))
            }
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop = None;
        if !self.finished && !thread::panicking() {
            self.collect();
        }
        if let (Place::Unix(path), true) = (&self.place, self.conversations > 0) {
            // The path of a client's server may be gone already.
            drop(fs::remove_file(path));
        }
    }
}

/// A directory that is removed when the value is dropped; for sockets, files and configurations.
pub fn temporary_dir() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("sockeye-test-")
        .tempdir()
        .unwrap()
}

#[cfg(test)]
mod tests;
