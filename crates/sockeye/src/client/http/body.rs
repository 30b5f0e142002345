//! What a request carries.

use std::fmt;
use std::path::PathBuf;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncSeekExt};

use super::encode::Coding;
use crate::error::{Error, Kind, Operation, Result};

/// The body of a request: nothing, bytes, a file, or whatever can be read.
///
/// Bytes and files can be sent again, after a redirect or a challenge; a reader cannot.
pub struct Body {
    source: Source,
    length: Option<u64>,
    media_type: Option<String>,
    coding: Option<Coding>,
}

/// What a body is read from while it is sent.
pub(crate) type BodyReader = Box<dyn AsyncRead + Send + Unpin>;

/// Makes the reader of a body that consists of parts, as often as it is asked to.
type Opener = Box<dyn Fn() -> BodyReader + Send + Sync>;

enum Source {
    Empty,
    Bytes(Bytes),
    File { path: PathBuf, from: u64 },
    Opener(Opener),
    Reader(Option<BodyReader>),
}

impl Body {
    /// No body at all.
    pub fn empty() -> Self {
        Self::of(Source::Empty, Some(0))
    }

    /// These bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self::of(Source::Bytes(bytes), Some(length))
    }

    /// A file, from its start to its end; it is read while it is sent.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`], [`Kind::Denied`] if it cannot be looked at; its length is taken now.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self> {
        Self::file_from(path, 0)
    }

    /// A file from this byte on.
    ///
    /// # Errors
    ///
    /// As [`Body::file`].
    pub fn file_from(path: impl Into<PathBuf>, from: u64) -> Result<Self> {
        let path = path.into();
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        // What is no plain file, a pipe say, has no length.
        let length = metadata
            .is_file()
            .then(|| metadata.len().saturating_sub(from));
        Ok(Self::of(Source::File { path, from }, length))
    }

    /// Whatever can be read, once; without a length it is sent in chunks.
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, length: Option<u64>) -> Self {
        Self::of(Source::Reader(Some(Box::new(reader))), length)
    }

    /// Something of parts, opened anew each time it is sent.
    pub(super) fn opener(
        open: impl Fn() -> BodyReader + Send + Sync + 'static,
        length: Option<u64>,
    ) -> Self {
        Self::of(Source::Opener(Box::new(open)), length)
    }

    fn of(source: Source, length: Option<u64>) -> Self {
        Self {
            source,
            length,
            media_type: None,
            coding: None,
        }
    }

    /// The same body in this content coding, which the `Content-Encoding` says. Bytes in memory are encoded now, and
    /// everything else while it is sent, so that its length is not known before.
    ///
    /// Few servers expect encoded requests: those that do not answer 415 (RFC 9110 section 15.5.16).
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is encoded already.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::client::http::{Body, Coding};
    ///
    /// let body = Body::from("hello ".repeat(1000)).compressed(Coding::Gzip)?;
    /// assert!(body.length().is_some_and(|length| length < 100));
    /// # Ok::<(), sockeye::Error>(())
    /// ```
    pub fn compressed(mut self, coding: Coding) -> Result<Self> {
        if self.coding.is_some() {
            let why = "the body is compressed already";
            return Err(Error::new(Kind::Usage, Operation::Fetch, why));
        }
        match &mut self.source {
            Source::Empty => return Ok(self),
            Source::Bytes(bytes) => {
                let encoded = coding.whole(bytes);
                *bytes = encoded
                    .map_err(|error| Error::from_io(Operation::Write, error))?
                    .into();
                self.length = Some(bytes.len() as u64);
            }
            Source::File { .. } | Source::Opener(_) | Source::Reader(_) => self.length = None,
        }
        self.coding = Some(coding);
        Ok(self)
    }

    /// The content coding it is sent in.
    pub fn coding(&self) -> Option<Coding> {
        self.coding
    }

    /// The same body, of this media type: the `Content-Type` unless a header says another.
    #[must_use]
    pub fn with_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// The media type.
    pub fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// How many bytes it has, if that is known before it is read.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether there is no body, which is not the same as an empty one: `bytes("")` has a length of 0.
    pub fn is_none(&self) -> bool {
        matches!(self.source, Source::Empty)
    }

    /// Whether it can be sent again.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self.source, Source::Reader(_))
    }

    /// The bytes, if it consists of bytes in memory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What it is read from, in its coding, from the start.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it could be read only once and was; those of opening a file.
    pub(crate) async fn open(&mut self) -> Result<BodyReader> {
        let is_encoded = self.as_bytes().is_some();
        let reader = self.open_plain().await?;
        Ok(match self.coding {
            Some(coding) if !is_encoded => coding.encoded(reader),
            _ => reader,
        })
    }

    async fn open_plain(&mut self) -> Result<BodyReader> {
        match &mut self.source {
            Source::Empty => Ok(Box::new(tokio::io::empty())),
            Source::Bytes(bytes) => Ok(Box::new(std::io::Cursor::new(bytes.clone()))),
            Source::Opener(open) => Ok(open()),
            Source::File { path, from } => {
                let opened = tokio::fs::File::open(&*path).await;
                let mut file = opened.map_err(|error| unreadable(path, error))?;
                if *from > 0 {
                    let sought = file.seek(std::io::SeekFrom::Start(*from)).await;
                    sought.map_err(|error| unreadable(path, error))?;
                }
                file.set_max_buf_size(256 << 10);
                Ok(Box::new(file))
            }
            Source::Reader(reader) => reader.take().ok_or_else(|| {
                let why = "the body was read already and cannot be sent a second time";
                Error::new(Kind::Usage, Operation::Fetch, why)
                    .with_hint("send it from a file, which can be read again")
            }),
        }
    }
}

pub(super) fn unreadable(path: &std::path::Path, error: std::io::Error) -> Error {
    Error::from_io(Operation::Open, error).about(path.display())
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("length", &self.length)
            .field("media_type", &self.media_type)
            .field("repeatable", &self.is_repeatable())
            .finish_non_exhaustive()
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::bytes(text)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::bytes(text)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::bytes(bytes)
    }
}
