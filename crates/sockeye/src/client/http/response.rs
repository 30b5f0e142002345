//! What a server answers.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use sockeye_data::fields::MediaType;
use sockeye_data::http1::Headers;
use sockeye_data::url::Url;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::Instant;

use super::client::Client;
use super::connection::Incoming;
use super::decode::{Decoder, Taken};
use super::hop::{Hop, Version};
use super::watch::Stage;
use crate::client::sink::{Moved, Sink};
use crate::error::{Error, Kind, Operation, Result};

/// An answer: its head is here, its body is read from it.
///
/// Dropping it before the body was read closes the connection (HTTP/1) or resets the stream (HTTP/2).
pub struct Response {
    pub(super) hops: Vec<Hop>,
    pub(super) client: Client,
    pub(super) incoming: Incoming,
    pub(super) decoder: Option<Box<Decoder>>,
    /// The longest body that is taken, and how much of it came.
    pub(super) longest: Option<u64>,
    pub(super) taken: u64,
    pub(super) deadline: Option<Instant>,
    pub(super) gathered: u64,
    pub(super) is_over: bool,
    /// Read and not yet saved.
    pub(super) unsaved: Bytes,
}

impl Response {
    /// The hop that this answer belongs to; there is always one.
    pub fn hop(&self) -> &Hop {
        // `send` makes a response out of a hop that it pushed just before.
        &self.hops[self.hops.len() - 1]
    }

    /// All hops of the request, this one last. Times and counts of this one go on while the body is read.
    pub fn hops(&self) -> &[Hop] {
        &self.hops
    }

    /// The status: 200.
    pub fn status(&self) -> u16 {
        self.hop().status
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..=299).contains(&self.status())
    }

    /// The header lines.
    pub fn headers(&self) -> &Headers {
        &self.hop().headers
    }

    /// A header's value, if it is text; the first of several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().get_str(name)
    }

    /// The version that was spoken.
    pub fn version(&self) -> Version {
        self.hop().version
    }

    /// The URL that answered: the last one, after redirects.
    pub fn url(&self) -> &Url {
        &self.hop().url
    }

    /// How many bytes the body will have as it comes, if the server says so.
    pub fn content_length(&self) -> Option<u64> {
        self.incoming.length()
    }

    /// Whether the body is decoded on the way, so that its length is another than the server says.
    pub fn is_decoded(&self) -> bool {
        self.decoder.is_some()
    }

    /// The media type, if the server says one.
    pub fn media_type(&self) -> Option<MediaType> {
        MediaType::parse(self.headers().get("content-type")?)
    }

    /// The header lines behind the body (RFC 9110 section 6.5), once the body was read.
    pub fn trailers(&self) -> Option<&Headers> {
        self.incoming.trailers()
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`] if the body ends early or is broken, [`Kind::Lost`] if the connection is, [`Kind::TimedOut`] after a
    /// time limit. What came before is good.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is lost: the next call goes on.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if !self.unsaved.is_empty() {
            return Ok(Some(std::mem::take(&mut self.unsaved)));
        }
        self.next().await
    }

    /// The next piece behind what is held.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            if self.is_over {
                return Ok(None);
            }
            let piece = self.piece().await;
            self.note();
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => return Err(self.failed(error)),
            };
            match piece {
                Some(bytes) if bytes.is_empty() => {}
                Some(bytes) => {
                    let end = self.hops.len() - 1;
                    self.hops[end].keep(&bytes, self.client.0.settings.keep_bodies);
                    return Ok(Some(bytes));
                }
                None => self.over(),
            }
        }
    }

    /// The next piece, decoded; it may be empty.
    async fn piece(&mut self) -> Result<Option<Bytes>> {
        let piece = match &self.decoder {
            Some(_) => self.decoded().await?,
            None => self.encoded().await?,
        };
        if let Some(bytes) = &piece {
            self.count(bytes.len() as u64)?;
        }
        Ok(piece)
    }

    /// Whether so many more bytes may come.
    fn count(&mut self, more: u64) -> Result<()> {
        self.taken = self.taken.saturating_add(more);
        match self.longest {
            Some(longest) if self.taken > longest => Err(too_long(longest)),
            _ => Ok(()),
        }
    }

    /// The next piece as it came.
    async fn encoded(&mut self) -> Result<Option<Bytes>> {
        within(self.deadline, self.incoming.chunk()).await
    }

    /// The next piece without its codings.
    async fn decoded(&mut self) -> Result<Option<Bytes>> {
        loop {
            // Much may come out of a little: others have their turn, and time passes, though nothing is awaited.
            tokio::task::coop::consume_budget().await;
            if self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
            {
                return Err(late());
            }
            let Some(decoder) = &mut self.decoder else {
                return Ok(None);
            };
            match decoder.take()? {
                Taken::Piece(bytes) => return Ok(Some(bytes)),
                Taken::Over => return Ok(None),
                Taken::Hungry => {}
            }
            let encoded = self.encoded().await?;
            if let Some(decoder) = &mut self.decoder {
                match encoded {
                    Some(bytes) => decoder.push(bytes),
                    None => decoder.end(),
                }
            }
        }
    }

    /// Bring counts and times of the hop up to date.
    fn note(&mut self) {
        let end = self.hops.len() - 1;
        self.incoming.note(&mut self.hops[end]);
    }

    /// The body was read, or will not be: whoever wants to hear of hops is told so once.
    fn over(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let end = self.hops.len() - 1;
        let client = &self.client.0;
        let now = client.settings.net.start().elapsed();
        self.hops[end].timing.ended.get_or_insert(now);
        client.tell(Stage::Over, &self.hops[end]);
    }

    /// The whole body.
    ///
    /// # Errors
    ///
    /// As [`Response::chunk`]; [`Kind::Protocol`] if it is longer than [`Limits::gathered`](super::Limits::gathered).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn bytes(mut self) -> Result<Bytes> {
        self.gather().await
    }

    /// The whole body, when the response is still wanted.
    ///
    /// # Errors
    ///
    /// As [`Response::bytes`].
    ///
    /// # Cancel safety
    ///
    /// What was read before the future was dropped is lost.
    pub async fn gather(&mut self) -> Result<Bytes> {
        let mut whole = BytesMut::new();
        while let Some(bytes) = self.chunk().await? {
            if (whole.len() + bytes.len()) as u64 > self.gathered {
                let why = format!("the body is longer than {} bytes", self.gathered);
                return Err(Error::new(Kind::Protocol, Operation::Fetch, why)
                    .about(self.url().without_secrets())
                    .with_hint("`chunk` reads a body of any length piece by piece"));
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.freeze())
    }

    /// The whole body as text. What is no UTF-8 is replaced by U+FFFD.
    ///
    /// # Errors
    ///
    /// As [`Response::bytes`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn text(self) -> Result<String> {
        let bytes = self.bytes().await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    ///
    /// As [`Response::bytes`]; [`Kind::Protocol`] if it is not JSON of that shape.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T> {
        let url = self.url().without_secrets();
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let why = format!("the answer is not the JSON that was expected: {error}");
            Error::new(Kind::Protocol, Operation::Fetch, why).about(url)
        })
    }

    /// Save the whole body there, and say how many bytes it had. The kernel moves them itself where it can: over plain TCP,
    /// with a length or until the server closes, when nothing is decoded and nobody watches.
    ///
    /// ```
    /// # use sockeye_testkit::{Peer, Step};
    /// use sockeye::client::{Sink, http};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let peer = Peer::tcp([Step::until("\r\n\r\n"), Step::send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
    /// # let url = format!("http://{}/", peer.addr());
    /// # let file = tempfile::tempfile()?;
    /// let mut response = http::get(&url).await?;
    /// assert_eq!(response.save_to(&mut Sink::new(file)?).await?, 5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Response::chunk`], about the URL, and those of [`Sink::write`], about nothing: the caller knows the file's name.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is lost: the next call goes on. [`Sink::written`] says how far it came.
    pub async fn save_to(&mut self, sink: &mut Sink) -> Result<u64> {
        let mut saved = 0;
        while let Some(bytes) = self.save_some(sink, u64::MAX).await? {
            saved += bytes;
        }
        Ok(saved)
    }

    /// Save the next piece of the body, at most so many bytes: how many, or `None` at its end. What was read and not saved is
    /// the next [`chunk`](Self::chunk).
    ///
    /// # Errors
    ///
    /// As [`Response::save_to`].
    ///
    /// # Cancel safety
    ///
    /// As [`Response::save_to`].
    pub async fn save_some(&mut self, sink: &mut Sink, most: u64) -> Result<Option<u64>> {
        while self.unsaved.is_empty() && !self.is_over {
            let moved = match self.decoder.is_some() || self.is_kept_in_part() {
                true => Moved::Refused,
                false => self.splice(sink, most).await?,
            };
            match moved {
                Moved::Bytes(0) => {}
                Moved::Bytes(bytes) => return Ok(Some(bytes)),
                Moved::Ended => self.over(),
                Moved::Failed(error) => {
                    self.over();
                    return Err(error);
                }
                Moved::Refused => {
                    if let Some(bytes) = self.chunk().await? {
                        self.unsaved = bytes;
                    }
                }
            }
        }
        if self.unsaved.is_empty() {
            return Ok(None);
        }
        let length = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .min(self.unsaved.len());
        let written = sink.write_some(&self.unsaved[..length]).await?;
        self.unsaved.advance(written);
        Ok(Some(written as u64))
    }

    /// Read ahead until so many bytes are held in memory, or all of the body is: whether it is all. What is held comes first
    /// wherever the body is read or saved afterwards.
    ///
    /// # Errors
    ///
    /// As [`Response::chunk`]; what came before is held all the same.
    ///
    /// # Cancel safety
    ///
    /// As [`Response::chunk`].
    pub async fn read_ahead(&mut self, most: usize) -> Result<bool> {
        while self.unsaved.len() < most && !self.is_over {
            let Some(bytes) = self.next().await? else {
                break;
            };
            if self.unsaved.is_empty() {
                self.unsaved = bytes;
                continue;
            }
            let mut held = BytesMut::from(std::mem::take(&mut self.unsaved));
            held.extend_from_slice(&bytes);
            self.unsaved = held.freeze();
        }
        Ok(self.is_over)
    }

    async fn splice(&mut self, sink: &mut Sink, most: u64) -> Result<Moved> {
        let moved = within(self.deadline, self.incoming.splice(sink, most)).await;
        self.note();
        if let Ok(Moved::Bytes(bytes)) = &moved {
            let end = self.hops.len() - 1;
            self.hops[end].decoded += bytes;
            if let Err(error) = self.count(*bytes) {
                return Err(self.failed(error));
            }
        }
        moved.map_err(|error| self.failed(error))
    }

    /// Whether the next bytes of the body are kept for reports.
    fn is_kept_in_part(&self) -> bool {
        (self.hop().body.len() as u64) < self.client.0.settings.keep_bodies
    }

    /// The body goes no further.
    fn failed(&mut self, error: Error) -> Error {
        let error = error.about(self.url().without_secrets());
        let end = self.hops.len() - 1;
        self.hops[end].error = Some(error.to_string());
        self.over();
        error
    }

    /// Write the body there, piece by piece, and say how many bytes it had.
    ///
    /// # Errors
    ///
    /// As [`Response::chunk`], and those of the writer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses at most what was read and not yet written.
    pub async fn copy_to(&mut self, to: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        let failed = |error| Error::from_io(Operation::Write, error);
        let mut written = 0;
        while let Some(bytes) = self.chunk().await? {
            to.write_all(&bytes).await.map_err(failed)?;
            written += bytes.len() as u64;
        }
        to.flush().await.map_err(failed)?;
        Ok(written)
    }

    /// The response, unless its status is 400 or above.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`], with the status.
    pub fn error_for_status(self) -> Result<Self> {
        if self.status() < 400 {
            return Ok(self);
        }
        Err(self.no())
    }

    /// The server said no.
    pub(crate) fn no(&self) -> Error {
        let reason = sockeye_data::escape::escape(&self.hop().reason);
        let why = format!("the server answers {} {reason}", self.status());
        Error::new(Kind::Rejected, Operation::Fetch, why.trim_end())
            .with_status(self.status())
            .about(self.url().without_secrets())
    }
}

async fn within<T>(
    deadline: Option<Instant>,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    match deadline {
        Some(deadline) => match tokio::time::timeout_at(deadline, future).await {
            Ok(done) => done,
            Err(_) => Err(late()),
        },
        None => future.await,
    }
}

/// The body is longer than may be.
pub(super) fn too_long(longest: u64) -> Error {
    let why = format!("the body is longer than {longest} bytes, which is all that may come");
    Error::new(Kind::Denied, Operation::Fetch, why).with_hint("`--max-body` sets how much may come")
}

/// The time for all of it is over.
pub(super) fn late() -> Error {
    Error::new(
        Kind::TimedOut,
        Operation::Fetch,
        "it was not done when the time was up",
    )
    .with_hint("`--timeout` sets the time for everything")
}

impl Drop for Response {
    fn drop(&mut self) {
        if !self.hops.is_empty() {
            self.note();
            self.over();
        }
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("url", &self.url())
            .field("headers", &self.headers())
            .finish_non_exhaustive()
    }
}
