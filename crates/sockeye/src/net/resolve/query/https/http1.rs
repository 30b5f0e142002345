//! One request over HTTP/1.1 (RFC 9112), for servers without HTTP/2.
//!
//! Reading is strict: an answer whose end is not certain is refused.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Head, MAX_BODY, MAX_HEAD, MEDIA_TYPE, Request, broken};
use crate::error::{Error, Operation, Result};
use crate::net::Stream;

/// The most headers of an answer.
const MAX_HEADERS: usize = 64;
/// The most bytes around the chunks of a body: their lengths, and what follows the last one.
const MAX_FRAMING: usize = 4 * MAX_BODY;
/// The most answers of status 1xx before the real one.
const MAX_INTERIM: usize = 8;

/// Send the request, and read the whole answer.
pub(super) async fn send(mut stream: Stream, request: &Request<'_>) -> Result<(Head, Vec<u8>)> {
    let failed = |error| Error::from_io(Operation::Ask, error);
    stream.write_all(&written(request)).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut answer = Answer::default();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = stream.read(&mut buffer).await.map_err(failed)?;
        if let Some(whole) = answer.take(&buffer[..length])? {
            return Ok(whole);
        }
        if length == 0 {
            return Err(broken("the server closed the connection within its answer"));
        }
    }
}

/// The request in bytes, in one piece.
fn written(request: &Request<'_>) -> Vec<u8> {
    let Request {
        method,
        authority,
        target,
        body,
    } = request;
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {authority}\r\naccept: {MEDIA_TYPE}\r\nconnection: close\r\n"
    );
    if !body.is_empty() {
        head += &format!(
            "content-type: {MEDIA_TYPE}\r\ncontent-length: {}\r\n",
            body.len()
        );
    }
    [head.as_bytes(), b"\r\n", body].concat()
}

/// An answer that is being read.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What was received and not yet understood.
    pending: Vec<u8>,
    head: Option<(Head, End)>,
    body: Vec<u8>,
    /// How many bytes of framing there were.
    framing: usize,
    interim: usize,
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It has this many bytes.
    Length(usize),
    /// It ends with the connection.
    Close,
    /// It comes in chunks, of which this many bytes are missing.
    Chunk(usize),
    /// Behind the data of a chunk.
    Boundary,
    /// It comes in chunks, and the next one begins here.
    NextChunk,
    /// Behind the last chunk.
    Trailers,
}

impl Answer {
    /// Take what was received, nothing at its end; the head and the whole body once they are there.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Option<(Head, Vec<u8>)>> {
        self.pending.extend_from_slice(bytes);
        while self.head.is_none() {
            if !self.read_head()? {
                return Ok(None);
            }
        }
        while let Some((_, end)) = &mut self.head {
            match *end {
                End::Length(wanted) => {
                    self.body.append(&mut self.pending);
                    if self.body.len() < wanted {
                        return Ok(None);
                    }
                    self.body.truncate(wanted);
                    break;
                }
                End::Close => {
                    self.body.append(&mut self.pending);
                    check_length(self.body.len())?;
                    if !bytes.is_empty() {
                        return Ok(None);
                    }
                    break;
                }
                _ => match self.read_chunk()? {
                    Progress::More => return Ok(None),
                    Progress::On(next) => self.head.iter_mut().for_each(|(_, end)| *end = next),
                    Progress::Done => break,
                },
            }
        }
        let body = std::mem::take(&mut self.body);
        Ok(self.head.take().map(|(head, _)| (head, body)))
    }

    /// Read the head, or skip one of status 1xx; whether it was there.
    fn read_head(&mut self) -> Result<bool> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let parsed = response.parse(&self.pending);
        let parsed = parsed.map_err(|e| broken(format!("it does not answer in HTTP/1.1: {e}")))?;
        let length = match parsed {
            httparse::Status::Complete(length) => Some(length),
            httparse::Status::Partial => None,
        };
        if length.unwrap_or(self.pending.len()) > MAX_HEAD {
            return Err(broken(format!("its head is longer than {MAX_HEAD} bytes")));
        }
        let Some(length) = length else {
            return Ok(false);
        };
        let mut head = Head {
            status: response.code.unwrap_or_default(),
            ..Head::default()
        };
        for header in response.headers.iter() {
            head.note(header.name, header.value);
        }
        let end = end_of(head.status, response.headers)?;
        self.pending.drain(..length);
        if (100..=199).contains(&head.status) {
            self.interim += 1;
            if self.interim > MAX_INTERIM || head.status == 101 {
                return Err(broken(format!(
                    "it answers HTTP {} again and again",
                    head.status
                )));
            }
        } else {
            self.head = Some((head, end));
        }
        Ok(true)
    }

    /// Go on by one step in a body of chunks (RFC 9112 section 7.1).
    fn read_chunk(&mut self) -> Result<Progress> {
        let Some((_, end)) = &self.head else {
            return Ok(Progress::More);
        };
        match *end {
            End::Chunk(missing) => {
                let length = missing.min(self.pending.len());
                self.body.extend(self.pending.drain(..length));
                Ok(match missing - length {
                    0 => Progress::On(End::Boundary),
                    _ if length == 0 => Progress::More,
                    missing => Progress::On(End::Chunk(missing)),
                })
            }
            End::Boundary => match *self.pending {
                [b'\r', b'\n', ..] => {
                    self.skip(2)?;
                    Ok(Progress::On(End::NextChunk))
                }
                [] | [b'\r'] => Ok(Progress::More),
                _ => Err(broken("a chunk of its answer does not end where it should")),
            },
            End::NextChunk => {
                let size = httparse::parse_chunk_size(&self.pending);
                let size = size.map_err(|_| broken("a chunk of its answer has no length"))?;
                let httparse::Status::Complete((head, size)) = size else {
                    return self.wait();
                };
                self.skip(head)?;
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                check_length(self.body.len().saturating_add(size))?;
                Ok(Progress::On(match size {
                    0 => End::Trailers,
                    size => End::Chunk(size),
                }))
            }
            _ => {
                // Trailers are not looked at, but they have to end.
                let Some(at) = self.pending.windows(2).position(|pair| pair == b"\r\n") else {
                    return self.wait();
                };
                self.skip(at + 2)?;
                Ok(match at {
                    0 => Progress::Done,
                    _ => Progress::On(End::Trailers),
                })
            }
        }
    }

    /// Leave out bytes of framing.
    fn skip(&mut self, length: usize) -> Result<()> {
        if length > MAX_HEAD {
            return Err(broken("a line of its answer does not end"));
        }
        self.pending.drain(..length);
        self.framing += length;
        if self.framing > MAX_FRAMING {
            return Err(broken("its answer is mostly framing"));
        }
        Ok(())
    }

    /// A line is not complete yet.
    fn wait(&self) -> Result<Progress> {
        if self.pending.len() > MAX_HEAD {
            return Err(broken("a line of its answer does not end"));
        }
        Ok(Progress::More)
    }
}

enum Progress {
    /// More bytes are needed.
    More,
    /// Go on there.
    On(End),
    /// That was all.
    Done,
}

/// How the end of the body will be known (RFC 9112 section 6.3).
fn end_of(status: u16, headers: &[httparse::Header<'_>]) -> Result<End> {
    let all = |name: &'static str| {
        let found = headers
            .iter()
            .filter(move |header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.trim_ascii())
    };
    let mut lengths = all("content-length");
    let mut encodings = all("transfer-encoding");
    let length = lengths.next();
    let encoding = encodings.next();
    if lengths.any(|other| Some(other) != length) || encodings.next().is_some() {
        return Err(broken("it says the length of its answer in two ways"));
    }
    match (encoding, length) {
        _ if matches!(status, 100..=199 | 204 | 304) => Ok(End::Length(0)),
        (Some(_), Some(_)) => Err(broken("it says the length of its answer in two ways")),
        (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(End::NextChunk),
        (Some(_), None) => Err(broken("it sends its answer in an unknown encoding")),
        (None, Some(digits)) => {
            let number = std::str::from_utf8(digits).ok();
            let number = number.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let length: usize = number
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| broken("the length of its answer is no number"))?;
            check_length(length)?;
            Ok(End::Length(length))
        }
        (None, None) => Ok(End::Close),
    }
}

fn check_length(length: usize) -> Result<()> {
    if length <= MAX_BODY {
        return Ok(());
    }
    Err(broken(format!(
        "its answer is longer than {MAX_BODY} bytes"
    )))
}
