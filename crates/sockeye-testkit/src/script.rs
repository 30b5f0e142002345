//! What a scripted peer does, step by step.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::thread;

use nix::sys::socket::{setsockopt, sockopt};

use crate::{Checksum, Gate, LIMIT, PatternCheck, PatternReader};

/// One step of a script. Bytes may be given as text: `Step::send("HTTP/1.0 200 OK\r\n\r\n")`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Send these bytes; over UDP as one datagram.
    Send(Vec<u8>),
    /// Receive exactly these bytes; over UDP exactly this datagram.
    Expect(Vec<u8>),
    /// Receive until these bytes came, and not one more.
    Until(Vec<u8>),
    /// Send the pattern of a seed, so many bytes long.
    SendPattern(u64, u64),
    /// Receive the pattern of a seed, so many bytes long.
    ExpectPattern(u64, u64),
    /// Send the pattern of the first seed and receive that of the second at the same time, so many bytes each.
    ExchangePatterns(u64, u64, u64),
    /// Receive the end of the stream, and nothing before it.
    ExpectEnd,
    /// Receive a reset, whatever came before it.
    ExpectReset,
    /// Receive whatever comes until the end.
    ReadToEnd,
    /// Send everything back until the end.
    Echo,
    /// Say that we send no more, and go on receiving.
    HalfClose,
    /// Break the connection with a reset instead of an end (`SO_LINGER` 0), and stop.
    Reset,
    /// Close the connection and stop. A script that runs out closes too.
    Close,
    /// Wait until the test opens the gate.
    WaitFor(Gate),
    /// Open a gate, to tell the test how far the script is.
    Open(Gate),
}

impl Step {
    /// [`Step::Send`].
    pub fn send(bytes: impl AsRef<[u8]>) -> Self {
        Self::Send(bytes.as_ref().to_vec())
    }

    /// [`Step::Until`].
    pub fn until(bytes: impl AsRef<[u8]>) -> Self {
        Self::Until(bytes.as_ref().to_vec())
    }

    /// [`Step::Expect`].
    pub fn expect(bytes: impl AsRef<[u8]>) -> Self {
        Self::Expect(bytes.as_ref().to_vec())
    }
}

/// How the peer's way to us ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was still open when the script closed.
    Open,
    /// An end of stream.
    Eof,
    /// A reset.
    Reset,
}

/// What one conversation brought.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was received, except patterns and echoed bytes, which are only counted.
    pub received: Vec<u8>,
    /// All that was received, counted and summed up.
    pub sum: Checksum,
    /// How the peer's way to us ended.
    pub end: End,
}

/// One conversation's socket.
pub(crate) enum Link {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// A socket, who it talks to, and a datagram that has already arrived.
    Udp(UdpSocket, SocketAddr, Option<Vec<u8>>),
}

/// Follow the script, and say what came of it or which step failed.
pub(crate) fn follow(link: Link, script: &[Step]) -> Result<Report, String> {
    link.set_timeouts().map_err(|e| e.to_string())?;
    let mut talk = Talk {
        link: Some(link),
        report: Report {
            received: Vec::new(),
            sum: Checksum::new(),
            end: End::Open,
        },
    };
    for (number, step) in script.iter().enumerate() {
        if talk.link.is_none() {
            return Err(format!("step {} comes after the close", number + 1));
        }
        talk.step(step).map_err(|why| {
            let so_far = String::from_utf8_lossy(&talk.report.received).into_owned();
            format!(
                "step {} of {} ({}): {why}; received so far: {so_far:?}",
                number + 1,
                script.len(),
                shorten(&format!("{step:?}")),
            )
        })?;
    }
    Ok(talk.report)
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

struct Talk {
    link: Option<Link>,
    report: Report,
}

impl Talk {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        let text = |e: io::Error| e.to_string();
        match step {
            Step::Send(bytes) => self.link().write_all(bytes).map_err(text),
            Step::Expect(bytes) => self.expect(bytes),
            Step::Until(bytes) => self.until(bytes),
            Step::SendPattern(seed, len) => send_pattern(self.link(), *seed, *len),
            Step::ExpectPattern(seed, len) => self.expect_pattern(*seed, *len),
            Step::ExchangePatterns(ours, theirs, len) => self.exchange(*ours, *theirs, *len),
            Step::ExpectEnd => match self.drain(false)? {
                (0, End::Eof) => Ok(()),
                (n, end) => Err(format!("{n} more bytes, then {end:?}")),
            },
            Step::ExpectReset => match self.drain(true)? {
                (_, End::Reset) => Ok(()),
                (n, end) => Err(format!("{n} more bytes, then {end:?}")),
            },
            Step::ReadToEnd => match self.drain(true)? {
                (_, End::Eof) => Ok(()),
                (n, end) => Err(format!("{n} more bytes, then {end:?}")),
            },
            Step::Echo => self.echo(),
            Step::HalfClose => self.link().half_close().map_err(text),
            Step::Reset => {
                let outcome = self.link().reset_on_close().map_err(text);
                self.link = None;
                outcome
            }
            Step::Close => {
                self.link = None;
                Ok(())
            }
            Step::WaitFor(gate) if gate.wait() => Ok(()),
            Step::WaitFor(_) => Err(format!("the gate was not opened within {LIMIT:?}")),
            Step::Open(gate) => {
                gate.open();
                Ok(())
            }
        }
    }

    /// Only called while the link is there: `follow` checks it before every step.
    fn link(&mut self) -> &mut Link {
        self.link.as_mut().unwrap()
    }

    /// One read; `None` is the end, which is noted in the report.
    fn read(&mut self, buf: &mut [u8]) -> Result<Option<usize>, String> {
        let is_udp = matches!(self.link(), Link::Udp(..));
        match self.link().read(buf) {
            Ok(0) if !is_udp => self.report.end = End::Eof,
            Ok(n) => {
                self.report.sum.update(&buf[..n]);
                return Ok(Some(n));
            }
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => self.report.end = End::Reset,
            Err(e) if is_late(&e) => return Err(format!("nothing came for {LIMIT:?}")),
            Err(e) => return Err(e.to_string()),
        }
        Ok(None)
    }

    fn expect(&mut self, wanted: &[u8]) -> Result<(), String> {
        let is_udp = matches!(self.link(), Link::Udp(..));
        let from = self.report.received.len();
        let mut got = 0;
        loop {
            let room = if is_udp { 65_536 } else { wanted.len() - got };
            if room == 0 {
                return Ok(());
            }
            let mut buf = vec![0; room];
            let Some(n) = self.read(&mut buf)? else {
                return Err(format!("only {got} bytes, then {:?}", self.report.end));
            };
            self.report.received.extend_from_slice(&buf[..n]);
            got += n;
            let have = &self.report.received[from..];
            if is_udp && have == wanted {
                return Ok(());
            }
            if is_udp || !wanted.starts_with(have) {
                return Err(format!("it was {:?}", String::from_utf8_lossy(have)));
            }
        }
    }

    fn until(&mut self, wanted: &[u8]) -> Result<(), String> {
        let from = self.report.received.len();
        let mut byte = [0];
        while !self.report.received[from..].ends_with(wanted) {
            match self.read(&mut byte)? {
                Some(_) => self.report.received.push(byte[0]),
                None => return Err(format!("{:?} before they came", self.report.end)),
            }
        }
        Ok(())
    }

    fn drain(&mut self, keep: bool) -> Result<(usize, End), String> {
        let mut buf = vec![0; 64 * 1024];
        let mut total = 0;
        while let Some(n) = self.read(&mut buf)? {
            total += n;
            if keep {
                self.report.received.extend_from_slice(&buf[..n]);
            } else if total > 0 {
                return Ok((total, End::Open));
            }
        }
        Ok((total, self.report.end))
    }

    fn echo(&mut self) -> Result<(), String> {
        let mut buf = vec![0; 64 * 1024];
        while let Some(n) = self.read(&mut buf)? {
            self.link()
                .write_all(&buf[..n])
                .map_err(|e| e.to_string())?;
        }
        match self.report.end {
            End::Eof => Ok(()),
            end => Err(format!("{end:?} instead of an end")),
        }
    }

    fn expect_pattern(&mut self, seed: u64, len: u64) -> Result<(), String> {
        let mut check = PatternCheck::new(seed);
        let mut buf = vec![0; 256 * 1024];
        while check.len() < len {
            let room = usize::try_from(len - check.len()).map_or(buf.len(), |n| n.min(buf.len()));
            match self.read(&mut buf[..room])? {
                Some(n) => check.feed(&buf[..n])?,
                None => {
                    let end = self.report.end;
                    return Err(format!("{} of {len} bytes, then {end:?}", check.len()));
                }
            }
        }
        Ok(())
    }

    fn exchange(&mut self, ours: u64, theirs: u64, len: u64) -> Result<(), String> {
        let mut writer = self.link().try_clone().map_err(|e| e.to_string())?;
        let sending = thread::spawn(move || send_pattern(&mut writer, ours, len));
        let received = self.expect_pattern(theirs, len);
        let sent = sending
            .join()
            .unwrap_or_else(|_| Err("the sender panicked".into()));
        received.and(sent.map_err(|why| format!("sending: {why}")))
    }
}

fn send_pattern(link: &mut Link, seed: u64, len: u64) -> Result<(), String> {
    let mut reader = PatternReader::new(seed, len);
    let mut buf = vec![0; 256 * 1024];
    loop {
        // A pattern is read without errors.
        let n = reader.read(&mut buf).unwrap_or(0);
        if n == 0 {
            return Ok(());
        }
        link.write_all(&buf[..n]).map_err(|e| e.to_string())?;
    }
}

fn is_late(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

impl Link {
    fn set_timeouts(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => {
                tcp.set_nodelay(true)?;
                tcp.set_read_timeout(Some(LIMIT))?;
                tcp.set_write_timeout(Some(LIMIT))
            }
            Self::Unix(unix) => {
                unix.set_read_timeout(Some(LIMIT))?;
                unix.set_write_timeout(Some(LIMIT))
            }
            Self::Udp(udp, ..) => udp.set_read_timeout(Some(LIMIT)),
        }
    }

    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.read(buf),
            Self::Unix(unix) => unix.read(buf),
            Self::Udp(udp, peer, waiting) => match waiting.take() {
                Some(datagram) => {
                    let n = datagram.len().min(buf.len());
                    buf[..n].copy_from_slice(&datagram[..n]);
                    Ok(n)
                }
                None => {
                    let (n, from) = udp.recv_from(buf)?;
                    *peer = from;
                    Ok(n)
                }
            },
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.write_all(bytes),
            Self::Unix(unix) => unix.write_all(bytes),
            Self::Udp(udp, peer, _) => udp.send_to(bytes, *peer).map(drop),
        }
    }

    fn half_close(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.shutdown(Shutdown::Write),
            Self::Unix(unix) => unix.shutdown(Shutdown::Write),
            Self::Udp(..) => Err(io::Error::other("datagrams have no half-close")),
        }
    }

    fn reset_on_close(&self) -> io::Result<()> {
        let Self::Tcp(tcp) = self else {
            return Err(io::Error::other("only TCP has a reset"));
        };
        let linger = nix::libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        Ok(setsockopt(tcp, sockopt::Linger, &linger)?)
    }

    fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(tcp) => Self::Tcp(tcp.try_clone()?),
            Self::Unix(unix) => Self::Unix(unix.try_clone()?),
            Self::Udp(udp, peer, _) => Self::Udp(udp.try_clone()?, *peer, None),
        })
    }
}
