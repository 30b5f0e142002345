//! Bodies on standard output: byte for byte in a pipe, harmless at a terminal, in an event under `--json`.

mod charset;
mod event;
mod json;
mod screen;

use std::io::{self, IsTerminal};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use sockeye::client::Sink;
use sockeye::client::download::Rate;
use sockeye::client::http::Response;
use sockeye::data::fields::MediaType;
use sockeye::data::url::Url;
use sockeye::{Error, Kind, Operation, Result};
use tokio::io::{AsyncReadExt, AsyncWrite};

pub(super) use self::event::Text;

use super::args::Pretty;
use super::{Fetch, convert};
use crate::local::TerminalText;
use crate::output::Output;

/// How much of a file is read at once.
const PIECE: usize = 128 << 10;

/// A body, wherever it comes from.
pub(super) enum Body<'r> {
    Response(&'r mut Response),
    File(tokio::fs::File),
    Bytes(Bytes),
    Ftp(Box<sockeye::client::ftp::Download<'r>>),
}

/// A body that is held to a rate.
pub(super) struct Paced<'r> {
    body: Body<'r>,
    rate: Option<Rate>,
    /// Handed out, and not yet counted.
    unpaid: u64,
}

impl Paced<'_> {
    /// As [`Body::chunk`].
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some(rate) = &self.rate {
            rate.passed(std::mem::take(&mut self.unpaid)).await;
        }
        let bytes = self.body.chunk().await?;
        self.unpaid = bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
        Ok(bytes)
    }
}

impl Body<'_> {
    /// The next piece; `None` at its end. Cancel safe.
    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::Response(response) => response.chunk().await,
            Self::File(file) => {
                let mut piece = Vec::with_capacity(PIECE);
                let read = file.read_buf(&mut piece).await;
                let read = read.map_err(|error| Error::from_io(Operation::Read, error))?;
                Ok((read > 0).then(|| piece.into()))
            }
            Self::Ftp(download) => Ok(download.chunk().await?.map(Bytes::copy_from_slice)),
            Self::Bytes(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
        }
    }
}

/// An answer: its head if that is wanted, and its body.
pub(super) async fn response(fetch: &Fetch, response: &mut Response) -> Result<()> {
    if fetch.output.json() {
        return event::response(fetch, response).await;
    }
    let args = &fetch.args.request;
    if (args.include || args.head) && !head(fetch, response) {
        fetch.is_unread();
        return Ok(());
    }
    let media_type = response.media_type();
    let length = response.content_length().filter(|_| !response.is_decoded());
    let url = response.url().clone();
    body(
        fetch,
        Body::Response(response),
        &url,
        media_type.as_ref(),
        length,
    )
    .await
}

/// The head of an answer. False when nobody reads it.
fn head(fetch: &Fetch, response: &Response) -> bool {
    let hop = response.hop();
    let mut bytes = format!("{} {}", hop.version, hop.status).into_bytes();
    if !hop.reason.is_empty() {
        bytes.push(b' ');
        bytes.extend_from_slice(&hop.reason);
    }
    bytes.extend_from_slice(b"\r\n");
    hop.headers.write(&mut bytes);
    bytes.extend_from_slice(b"\r\n");
    if !io::stdout().is_terminal() {
        return fetch.output.bytes(&bytes);
    }
    let mut text = String::new();
    let mut escaper = TerminalText::default();
    escaper.push(&bytes, &mut text);
    escaper.finish(&mut text);
    fetch.output.text(&text.replace("\r\n", "\n"))
}

/// A body on standard output, until its end or until nobody reads it any more. `length` is how many bytes it has, if that is
/// known.
pub(super) async fn body(
    fetch: &Fetch,
    body: Body<'_>,
    url: &Url,
    media_type: Option<&MediaType>,
    length: Option<u64>,
) -> Result<()> {
    // FTP is held to it where it comes from.
    let is_paced = matches!(body, Body::Response(_));
    let mut body = Paced {
        body,
        rate: fetch.rate.clone().filter(|_| is_paced),
        unpaid: 0,
    };
    if fetch.args.convert.is_given() {
        let media_type = media_type.map(MediaType::to_string);
        return convert::body(fetch, body, url, media_type).await;
    }
    let is_terminal = io::stdout().is_terminal();
    let is_json = media_type.is_some_and(MediaType::is_json);
    let lays_out = match fetch.args.request.pretty {
        Pretty::Auto => is_terminal && is_json,
        Pretty::Always => is_json,
        Pretty::Never => false,
    };
    if is_terminal || lays_out {
        return screen::show(fetch, body, media_type, length, lays_out).await;
    }
    if let (Body::Response(response), None) = (&mut body.body, &body.rate) {
        let mut sink = Sink::stdout()?;
        return match response.save_to(&mut sink).await {
            // What fails about no URL is our own standard output.
            Err(error) if error.kind() == Kind::Lost && error.subject().is_none() => {
                fetch.is_unread();
                Ok(())
            }
            Err(error) if error.subject().is_none() => Err(error.about("standard output")),
            saved => saved.map(drop),
        };
    }
    while let Some(bytes) = body.chunk().await? {
        if !fetch.output.bytes(&bytes) {
            fetch.is_unread();
            break;
        }
    }
    Ok(())
}

/// Writes to standard output: byte for byte, or at a terminal what is harmless.
pub(super) struct Printer {
    output: Output,
    text: Option<TerminalText>,
    /// Whether a line is begun and not ended.
    is_open: bool,
}

impl Printer {
    pub(super) fn new(output: &Output) -> Self {
        Self {
            output: output.clone(),
            text: io::stdout().is_terminal().then(TerminalText::default),
            is_open: false,
        }
    }

    fn print(&mut self, bytes: &[u8]) -> bool {
        let Some(escaper) = &mut self.text else {
            return self.output.bytes(bytes);
        };
        let mut text = String::new();
        escaper.push(bytes, &mut text);
        if !text.is_empty() {
            self.is_open = !text.ends_with('\n');
        }
        self.output.text(&text)
    }

    /// What is still held, and at a terminal the end of the line.
    pub(super) fn end(&mut self) {
        let Some(escaper) = &mut self.text else {
            return;
        };
        let mut text = String::new();
        escaper.finish(&mut text);
        if self.is_open || !text.is_empty() {
            text.push('\n');
        }
        self.output.text(&text);
    }
}

impl AsyncWrite for Printer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(match self.print(bytes) {
            true => Ok(bytes.len()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
