//! Bodies: bytes, a part of a file, or chunks that are still to come.

use std::fmt;
use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use rustix::buffer::spare_capacity;
use tokio::io::{AsyncRead, ReadBuf};

use super::intake::Outlet;

/// How much of a file or a reader is one chunk.
const CHUNK: usize = 64 << 10;

/// The body of a request or a response.
///
/// # Examples
///
/// ```
/// use sockeye::web::Body;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let mut body = Body::from("hello");
/// assert_eq!(body.length(), Some(5));
/// assert_eq!(body.chunk().await.unwrap().unwrap(), "hello");
/// assert!(body.chunk().await.is_none());
/// # }
/// ```
#[derive(Default)]
pub struct Body(pub(super) Inner);

#[derive(Default)]
pub(super) enum Inner {
    #[default]
    Empty,
    Bytes(Bytes),
    File(FilePart),
    /// What the peer is still sending.
    Intake(Outlet),
    Chunks(Pin<Box<dyn Chunks>>, Option<u64>),
}

/// Some bytes of a file, from a place on.
///
/// Reading does not move the file's own position, so that one open file serves any number of bodies.
#[derive(Clone, Debug)]
pub struct FilePart {
    /// The file.
    pub file: Arc<File>,
    /// Where the part begins, in bytes.
    pub at: u64,
    /// How many bytes it has.
    pub length: u64,
}

/// Whatever yields a body piece by piece.
pub trait Chunks: Send {
    /// The next piece, which is not empty; `None` at the end. After an error nothing more is asked.
    fn poll_chunk(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>>;
}

/// Why a body ended before its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum BodyError {
    /// It has more bytes than are taken: this many at most.
    TooLarge(u64),
    /// The peer sends more slowly than is borne.
    TooSlow,
    /// The peer's framing is broken.
    Broken(sockeye_data::http1::Error),
    /// The connection ended, or reading a file failed.
    Io(io::Error),
}

impl BodyError {
    /// The status with which a request with such a body is answered.
    pub fn status(&self) -> u16 {
        match self {
            Self::TooLarge(_) => 413,
            Self::TooSlow => 408,
            Self::Broken(error) => error.status(),
            Self::Io(_) => 400,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(most) => write!(f, "the body has more than {most} bytes"),
            Self::TooSlow => f.write_str("the body comes too slowly"),
            Self::Broken(error) => write!(f, "the body is broken: {error}"),
            Self::Io(error) => write!(f, "the body cannot be read: {error}"),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<io::Error> for BodyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A part of a file. Over a plain connection the kernel sends it without a copy.
    pub fn file(part: FilePart) -> Self {
        Self(Inner::File(part))
    }

    /// What these chunks say; `length` is how many bytes that will be, if it is known.
    pub fn chunks(chunks: impl Chunks + 'static, length: Option<u64>) -> Self {
        Self(Inner::Chunks(Box::pin(chunks), length))
    }

    /// What this reader says until its end.
    pub fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::chunks(
            Reading {
                reader: Box::pin(reader),
            },
            None,
        )
    }

    pub(super) fn intake(outlet: Outlet) -> Self {
        Self(Inner::Intake(outlet))
    }

    /// How many bytes are still to come, if that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            Inner::Empty => Some(0),
            Inner::Bytes(bytes) => Some(bytes.len() as u64),
            Inner::File(part) => Some(part.length),
            Inner::Intake(outlet) => outlet.left(),
            Inner::Chunks(_, length) => *length,
        }
    }

    /// Whether it is known that nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.length() == Some(0)
    }

    /// Take at most this many bytes of a request's body, instead of the server's limit; `u64::MAX` is no limit. A body
    /// that is larger fails with [`BodyError::TooLarge`], before it is read if its length was announced.
    pub fn set_limit(&mut self, bytes: u64) {
        if let Inner::Intake(outlet) = &self.0 {
            outlet.set_limit(bytes);
        }
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`BodyError`]; nothing follows it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a chunk is returned or stays.
    pub async fn chunk(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// [`Body::chunk`] for those who poll.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        match &mut self.0 {
            Inner::Empty => Poll::Ready(None),
            Inner::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Inner::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)))
            }
            Inner::File(part) => Poll::Ready(part.read(CHUNK).transpose()),
            Inner::Intake(outlet) => outlet.poll_chunk(cx),
            Inner::Chunks(chunks, length) => {
                let polled = chunks.as_mut().poll_chunk(cx);
                if let (Poll::Ready(Some(Ok(chunk))), Some(length)) = (&polled, length) {
                    *length = length.saturating_sub(chunk.len() as u64);
                }
                polled
            }
        }
    }

    /// All of it, if it has no more than this many bytes.
    ///
    /// # Errors
    ///
    /// [`BodyError`].
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: what was read is lost.
    pub async fn bytes(&mut self, limit: u64) -> Result<Bytes, BodyError> {
        if self.length().is_some_and(|length| length > limit) {
            return Err(BodyError::TooLarge(limit));
        }
        let Some(first) = self.chunk().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let mut all = BytesMut::from(first);
        loop {
            if all.len() as u64 > limit {
                return Err(BodyError::TooLarge(limit));
            }
            match self.chunk().await.transpose()? {
                Some(chunk) => all.extend_from_slice(&chunk),
                None => return Ok(all.freeze()),
            }
        }
    }
}

impl FilePart {
    /// Read the next chunk, which has at most this many bytes. Blocks as sendfile(2) does, on a file that is not in the page
    /// cache.
    pub(super) fn read(&mut self, most: usize) -> Result<Option<Bytes>, BodyError> {
        if self.length == 0 {
            return Ok(None);
        }
        let size = usize::try_from(self.length).unwrap_or(most).min(most);
        let mut chunk = Vec::with_capacity(size);
        let read = loop {
            match rustix::io::pread(&self.file, spare_capacity(&mut chunk), self.at) {
                Err(rustix::io::Errno::INTR) => {}
                read => break read.map_err(io::Error::from)?,
            }
        };
        if read == 0 {
            let why = "the file became shorter while it was sent";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why).into());
        }
        // An allocator may give more room than was asked for.
        chunk.truncate(size);
        self.skip(chunk.len() as u64);
        Ok(Some(chunk.into()))
    }

    /// This many bytes were sent another way.
    pub(super) fn skip(&mut self, bytes: u64) {
        self.at += bytes;
        self.length = self.length.saturating_sub(bytes);
    }
}

/// A reader as chunks.
struct Reading {
    reader: Pin<Box<dyn AsyncRead + Send>>,
}

impl Chunks for Reading {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut chunk = BytesMut::zeroed(CHUNK);
        let mut buffer = ReadBuf::new(&mut chunk);
        match self.reader.as_mut().poll_read(cx, &mut buffer) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(Ok(())) => {
                let read = buffer.filled().len();
                chunk.truncate(read);
                Poll::Ready((read > 0).then(|| Ok(chunk.freeze())))
            }
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() {
            Inner::Empty
        } else {
            Inner::Bytes(bytes)
        })
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Bytes::from_static(text.as_bytes()).into()
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Self {
        Bytes::from_static(bytes).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Inner::Empty => "empty",
            Inner::Bytes(_) => "bytes",
            Inner::File(_) => "file",
            Inner::Intake(_) => "intake",
            Inner::Chunks(..) => "chunks",
        };
        f.debug_struct("Body")
            .field("kind", &kind)
            .field("length", &self.length())
            .finish()
    }
}
