//! Messages as lines of text, so that a person or a program that knows nothing of pickles can take part: each line is a JSON value
//! that goes out as a pickle, and each pickle that comes in is a line of JSON. With `payload=bytes` a line is a message as it is.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{pickled, value_of};
use crate::data::{json, pickle};
use crate::endpoint::{Payload, PythonOptions};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Messages, Stream};

/// Who hears of a line that cannot be sent.
pub type Told = Arc<dyn Fn(&Error) + Send + Sync>;

/// These messages as a stream of lines; blank lines say nothing, unless the payload is bytes. A line that is no JSON fails the
/// stream, or is left out if there is somebody who is told. A line has at most [`PythonOptions::MAX_MESSAGE`] bytes.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use sockeye::{Net, endpoint::Payload, rpc::python::{Connection, Listener, lines}};
/// # use tokio::io::{AsyncReadExt, AsyncWriteExt};
/// let net = Net::new();
/// let mut listener = Listener::bind(&net, &"python+tcp:0".parse()?).await?;
/// let messages = net.connect_messages(listener.local()).await?;
/// let mut stream = lines(messages, Payload::Pickle, None);
/// stream.write_all(b"{\"n\": 1}\n").await?;
///
/// let peer = listener.accept().await?;
/// let value = peer.recv().await?.unwrap();
/// assert_eq!(value.get("n").and_then(|n| n.as_i64()), Some(1));
/// peer.send(&value).await?;
/// drop(peer);
/// let mut heard = String::new();
/// stream.read_to_string(&mut heard).await?;
/// assert_eq!(heard, "{\"n\":1}\n");
/// # Ok(())
/// # }
/// ```
pub fn lines(messages: Messages, payload: Payload, told: Option<Told>) -> Stream {
    Stream::from_io(Lines {
        messages,
        payload,
        told,
        line: Vec::new(),
        number: 0,
        sending: None,
        heard: Vec::new(),
        read: 0,
    })
}

struct Lines {
    messages: Messages,
    payload: Payload,
    told: Option<Told>,
    /// A line that has no end yet, and how many had.
    line: Vec<u8>,
    number: u64,
    /// A message that the link has not taken yet.
    sending: Option<Vec<u8>>,
    /// A line that came, and how much of it was read.
    heard: Vec<u8>,
    read: usize,
}

impl Lines {
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(message) = &self.sending {
            ready!(self.messages.poll_send(cx, message))?;
            self.sending = None;
        }
        Poll::Ready(Ok(()))
    }

    /// The line that is there is whole.
    fn end_line(&mut self) -> io::Result<()> {
        let line = std::mem::take(&mut self.line);
        self.number += 1;
        match (self.message(line), &self.told) {
            (Ok(message), _) => self.sending = message,
            (Err(error), Some(told)) => told(&error),
            (Err(error), None) => return Err(error.into()),
        }
        Ok(())
    }

    /// The message of a line; none of a blank one.
    fn message(&self, line: Vec<u8>) -> Result<Option<Vec<u8>>> {
        if self.payload == Payload::Bytes {
            return Ok(Some(line));
        }
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let value = json::parse(&line).map_err(|error| {
            let why = format!("line {} is no JSON value: {error}", self.number);
            Error::new(Kind::Usage, Operation::Write, why).with_hint(
                "each line is one JSON value, a text in quotes; payload=bytes sends lines as they are",
            )
        })?;
        pickled(&value).map(Some)
    }

    /// What a message is as a line.
    fn text(&self, message: Vec<u8>) -> Result<Vec<u8>> {
        let mut text = match self.payload {
            Payload::Bytes => message,
            Payload::Pickle => {
                let options = pickle::ReadOptions::default();
                json::to_string(&value_of(&message, &options)?).into_bytes()
            }
        };
        text.push(b'\n');
        Ok(text)
    }
}

impl AsyncWrite for Lines {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(bytes.len());
        if (self.line.len() + taken) as u64 > PythonOptions::MAX_MESSAGE {
            let why = format!("a line of more than {} bytes", PythonOptions::MAX_MESSAGE);
            let error = Error::new(Kind::Usage, Operation::Write, why);
            return Poll::Ready(Err(error.into()));
        }
        self.line.extend_from_slice(&bytes[..taken]);
        if end.is_none() {
            return Poll::Ready(Ok(taken));
        }
        self.end_line()?;
        match self.poll_send(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            // The line end is taken too; what waits goes before the next line.
            _ => Poll::Ready(Ok(taken + 1)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        self.messages.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(cx))?;
        if !self.line.is_empty() {
            self.end_line()?;
        }
        ready!(self.as_mut().poll_flush(cx))?;
        if let Err(error) = self.messages.shutdown() {
            return Poll::Ready(Err(error.into()));
        }
        self.messages.poll_flush(cx)
    }
}

impl AsyncRead for Lines {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read == self.heard.len() {
            let Some(message) = ready!(self.messages.poll_recv_vec(cx))? else {
                return Poll::Ready(Ok(()));
            };
            self.heard = self.text(message)?;
            self.read = 0;
        }
        let rest = &self.heard[self.read..];
        let taken = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..taken]);
        self.read += taken;
        if self.read == self.heard.len() {
            (self.heard, self.read) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}
