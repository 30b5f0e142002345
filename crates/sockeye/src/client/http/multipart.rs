//! Bodies of parts, as forms with files send them (`multipart/form-data`, RFC 7578, and the WHATWG's rules for names).

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use data_encoding::HEXLOWER;
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf, Take};

use super::body::{Body, BodyReader, unreadable};
use crate::error::{Error, Kind, Operation, Result};

/// Parts that are sent together, each with a name.
///
/// Files are read while they are sent, and the length of everything is known before. A body of texts and files can be sent
/// again after a redirect or a challenge. The boundary between parts is random, and stands in none of those in memory.
///
/// # Examples
///
/// ```
/// use sockeye::client::http::{Multipart, Part};
///
/// let form = Multipart::new()
///     .text("title", "Cuckoo")
///     .part("note", Part::text("# Hi").media_type("text/markdown").file_name("note.md"));
/// let body = form.into_body()?;
/// assert!(body.media_type().is_some_and(|it| it.starts_with("multipart/form-data; boundary=")));
/// assert!(body.length().is_some());
/// # Ok::<(), sockeye::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use = "parts that are not sent do nothing"]
pub struct Multipart {
    parts: Vec<(String, Part)>,
    failed: Option<Error>,
}

/// One part: text, bytes, a file, or whatever can be read.
#[must_use = "a part does nothing until it is added"]
pub struct Part {
    content: Content,
    length: Option<u64>,
    file_name: Option<String>,
    media_type: Option<String>,
}

enum Content {
    Bytes(Bytes),
    File(PathBuf),
    Reader(BodyReader),
}

impl Part {
    /// A text, without a media type, as a form field has it.
    pub fn text(text: impl Into<String>) -> Self {
        Self::bytes(text.into())
    }

    /// These bytes.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self::of(Content::Bytes(bytes), Some(length))
    }

    /// A file, with its name, as `application/octet-stream`. Its length is taken now; if it has another when it is sent, that
    /// is an error.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`], [`Kind::Denied`] if it cannot be looked at.
    pub fn file(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let metadata = std::fs::metadata(&path).map_err(|error| unreadable(&path, error))?;
        // What is no plain file, a pipe say, has no length.
        let length = metadata.is_file().then_some(metadata.len());
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let mut part = Self::of(Content::File(path), length).media_type("application/octet-stream");
        part.file_name = name;
        Ok(part)
    }

    /// Whatever can be read, once, as `application/octet-stream`; without a length the whole body is sent in chunks.
    pub fn reader(reader: impl AsyncRead + Send + Unpin + 'static, length: Option<u64>) -> Self {
        Self::of(Content::Reader(Box::new(reader)), length).media_type("application/octet-stream")
    }

    fn of(content: Content, length: Option<u64>) -> Self {
        Self {
            content,
            length,
            file_name: None,
            media_type: None,
        }
    }

    /// Say that it is a file of this name.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Say nothing of a file.
    pub fn without_file_name(mut self) -> Self {
        self.file_name = None;
        self
    }

    /// Say that it is of this media type.
    pub fn media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("length", &self.length)
            .field("file_name", &self.file_name)
            .field("media_type", &self.media_type)
            .finish_non_exhaustive()
    }
}

impl Multipart {
    /// No parts yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add a text.
    pub fn text(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.part(name, Part::text(text))
    }

    /// Add a file. If it cannot be looked at, that shows when the body is made.
    pub fn file(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        match Part::file(path) {
            Ok(part) => self.part(name, part),
            Err(error) => {
                self.failed.get_or_insert(error);
                self
            }
        }
    }

    /// Add a part.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.parts.push((name.into(), part));
        self
    }

    /// The body of these parts, with its media type.
    ///
    /// # Errors
    ///
    /// Those of [`Part::file`]; [`Kind::Usage`] if a media type has a line break or there are more than 10,000 parts.
    pub fn into_body(self) -> Result<Body> {
        const MAX_PARTS: usize = 10_000;
        if let Some(error) = self.failed {
            return Err(error);
        }
        let usage = |why: String| Err(Error::new(Kind::Usage, Operation::Fetch, why));
        if self.parts.len() > MAX_PARTS {
            return usage(format!("a body has at most {MAX_PARTS} parts"));
        }
        let mut types = self
            .parts
            .iter()
            .filter_map(|(_, part)| part.media_type.as_ref());
        if let Some(broken) = types.find(|it| it.bytes().any(|byte| byte.is_ascii_control())) {
            return usage(format!("{broken:?} is not a media type"));
        }
        let boundary = boundary(&self.parts)?;
        let mut length = Some(0_u64);
        let mut pieces = Vec::new();
        for (name, part) in self.parts {
            let head = Bytes::from(head(&boundary, &name, &part));
            length = add(length, Some(head.len() as u64));
            length = add(length, part.length);
            length = add(length, Some(2));
            pieces.push(Piece::Still(Still::Bytes(head)));
            pieces.push(match part.content {
                Content::Bytes(bytes) => Piece::Still(Still::Bytes(bytes)),
                Content::File(path) => Piece::Still(Still::File(path, part.length)),
                Content::Reader(reader) => Piece::Reader(reader),
            });
            pieces.push(Piece::Still(Still::Bytes(Bytes::from_static(b"\r\n"))));
        }
        let end = Bytes::from(format!("--{boundary}--\r\n"));
        length = add(length, Some(end.len() as u64));
        pieces.push(Piece::Still(Still::Bytes(end)));
        let media_type = format!("multipart/form-data; boundary={boundary}");
        let still: Option<Vec<Still>> = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Still(still) => Some(still.clone()),
                Piece::Reader(_) => None,
            })
            .collect();
        let body = match still {
            Some(still) => {
                let open = move || -> BodyReader {
                    let pieces = still.iter().cloned().map(Piece::Still).collect();
                    Box::new(Sequence::new(pieces))
                };
                Body::opener(open, length)
            }
            None => Body::reader(Sequence::new(pieces.into()), length),
        };
        Ok(body.with_media_type(media_type))
    }
}

fn add(sum: Option<u64>, more: Option<u64>) -> Option<u64> {
    sum?.checked_add(more?)
}

/// What stands between parts: random, and in none of those that are in memory.
fn boundary(parts: &[(String, Part)]) -> Result<String> {
    loop {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| {
            let why = format!("there are no random numbers: {error}");
            Error::new(Kind::Io, Operation::Fetch, why)
        })?;
        let boundary = format!("----------------{}", HEXLOWER.encode(&random));
        let stands_in = |content: &[u8]| {
            content
                .windows(boundary.len())
                .any(|window| window == boundary.as_bytes())
        };
        let is_taken = parts.iter().any(|(_, part)| match &part.content {
            Content::Bytes(bytes) => stands_in(bytes),
            Content::File(_) | Content::Reader(_) => false,
        });
        if !is_taken {
            return Ok(boundary);
        }
    }
}

fn head(boundary: &str, name: &str, part: &Part) -> String {
    let mut head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
        escaped(name)
    );
    if let Some(file_name) = &part.file_name {
        head += &format!("; filename=\"{}\"", escaped(file_name));
    }
    if let Some(media_type) = &part.media_type {
        head += &format!("\r\nContent-Type: {media_type}");
    }
    head + "\r\n\r\n"
}

/// Quotes and line breaks in names are written as forms of browsers write them, and nothing else is.
fn escaped(name: &str) -> String {
    let mut escaped = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '"' => escaped += "%22",
            '\r' => escaped += "%0D",
            '\n' => escaped += "%0A",
            other => escaped.push(other),
        }
    }
    escaped
}

/// A piece of the whole that can be had again.
#[derive(Clone)]
enum Still {
    Bytes(Bytes),
    File(PathBuf, Option<u64>),
}

/// A piece of the whole.
enum Piece {
    Still(Still),
    Reader(BodyReader),
}

/// Reads pieces, one after the other.
struct Sequence {
    pieces: VecDeque<Piece>,
    open: Option<Open>,
}

/// A file that is being read, up to the length it had.
struct Open {
    file: Take<tokio::fs::File>,
    path: PathBuf,
    is_known: bool,
}

impl Open {
    /// Opening blocks for as long as reading the directory does.
    fn new(path: &Path, length: Option<u64>) -> io::Result<Self> {
        let file = std::fs::File::open(path).map_err(|error| of(path, error))?;
        let mut file = tokio::fs::File::from_std(file);
        file.set_max_buf_size(256 << 10);
        Ok(Self {
            file: file.take(length.unwrap_or(u64::MAX)),
            path: path.to_owned(),
            is_known: length.is_some(),
        })
    }

    /// Whether something came; at the end nothing does.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.file).poll_read(context, buffer);
        ready!(polled).map_err(|error| of(&self.path, error))?;
        let came = buffer.filled().len() > before;
        if !came && self.is_known && self.file.limit() > 0 {
            let why = format!("{} became shorter while it was sent", self.path.display());
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, why)));
        }
        Poll::Ready(Ok(came))
    }
}

fn of(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

impl Sequence {
    fn new(pieces: VecDeque<Piece>) -> Self {
        Self { pieces, open: None }
    }
}

impl AsyncRead for Sequence {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if let Some(open) = &mut this.open {
                if ready!(open.poll(context, buffer))? {
                    return Poll::Ready(Ok(()));
                }
                this.open = None;
                this.pieces.pop_front();
            }
            match this.pieces.front_mut() {
                None => return Poll::Ready(Ok(())),
                Some(Piece::Still(Still::Bytes(bytes))) if bytes.is_empty() => {
                    this.pieces.pop_front();
                }
                Some(Piece::Still(Still::Bytes(bytes))) => {
                    let length = bytes.len().min(buffer.remaining());
                    buffer.put_slice(&bytes[..length]);
                    bytes.advance(length);
                    return Poll::Ready(Ok(()));
                }
                Some(Piece::Still(Still::File(path, length))) => {
                    this.open = Some(Open::new(path, *length)?);
                }
                Some(Piece::Reader(reader)) => {
                    let before = buffer.filled().len();
                    ready!(Pin::new(reader).poll_read(context, buffer))?;
                    if buffer.filled().len() > before {
                        return Poll::Ready(Ok(()));
                    }
                    this.pieces.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn whole(body: &mut Body) -> Vec<u8> {
        let mut whole = Vec::new();
        let mut reader = body.open().await.unwrap();
        reader.read_to_end(&mut whole).await.unwrap();
        whole
    }

    #[tokio::test]
    async fn parts_stand_between_boundaries_and_the_length_is_known() {
        let dir = sockeye_testkit::temporary_dir();
        let path = dir.path().join("a \"b\".txt");
        std::fs::write(&path, "from a file").unwrap();
        let form = Multipart::new()
            .text("q\"\r\nX: y", "1")
            .file("f", &path)
            .part("j", Part::text("{}").media_type("application/json"));
        let mut body = form.into_body().unwrap();
        let boundary = body
            .media_type()
            .unwrap()
            .rsplit_once('=')
            .unwrap()
            .1
            .to_owned();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"q%22%0D%0AX: y\"\r\n\r\n1\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a %22b%22.txt\"\r\n\
             Content-Type: application/octet-stream\r\n\r\nfrom a file\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n{{}}\r\n\
             --{boundary}--\r\n"
        );
        for _ in 0..2 {
            assert_eq!(String::from_utf8(whole(&mut body).await).unwrap(), expected);
        }
        assert_eq!(body.length(), Some(expected.len() as u64));
    }

    #[tokio::test]
    async fn a_file_that_becomes_shorter_is_an_error_and_a_longer_one_is_cut() {
        let dir = sockeye_testkit::temporary_dir();
        let path = dir.path().join("f");
        std::fs::write(&path, "0123456789").unwrap();
        let mut body = Multipart::new().file("f", &path).into_body().unwrap();
        std::fs::write(&path, "0123456789 and more").unwrap();
        let length = body.length().unwrap();
        assert_eq!(whole(&mut body).await.len() as u64, length);
        std::fs::write(&path, "0123").unwrap();
        let mut reader = body.open().await.unwrap();
        let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert!(error.to_string().contains("became shorter"), "{error}");
    }

    #[tokio::test]
    async fn what_can_be_read_once_makes_a_body_that_can_be_sent_once() {
        let part = Part::reader(&b"once"[..], Some(4));
        let body = Multipart::new().part("r", part).into_body().unwrap();
        assert!(!body.is_repeatable() && body.length().is_some());
        let missing = Multipart::new().file("f", "no/such/file").into_body();
        assert!(missing.unwrap_err().to_string().contains("no/such/file"));
        let broken = Part::text("x").media_type("text/plain\r\nX: y");
        let error = Multipart::new().part("p", broken).into_body().unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
    }
}
