//! One request over HTTP/1.1 (RFC 9112), for servers without HTTP/2.
//!
//! Reading is strict: an answer whose end is not certain is refused.

use sockeye_data::http1::{
    self, BodyDecoder, BodyLimits, Framing, FramingPolicy, Limits, Parsed, ResponseParser,
    response_body_with,
};
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
#[derive(Debug)]
pub(super) struct Answer {
    /// What was received and not yet understood.
    pending: Vec<u8>,
    parser: ResponseParser,
    head: Option<(Head, BodyDecoder)>,
    body: Vec<u8>,
    /// How many bytes of framing there were.
    framing: usize,
    interim: usize,
}

impl Default for Answer {
    fn default() -> Self {
        let limits = Limits {
            head: MAX_HEAD,
            fields: MAX_HEADERS,
            ..Limits::default()
        };
        Self {
            pending: Vec::new(),
            parser: ResponseParser::new(limits),
            head: None,
            body: Vec::new(),
            framing: 0,
            interim: 0,
        }
    }
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
        let Some((_, decoder)) = &mut self.head else {
            return Ok(None);
        };
        let mut rest = self.pending.as_slice();
        while !decoder.is_done() && !rest.is_empty() {
            let step = decoder.decode(rest).map_err(sent)?;
            check_length(self.body.len() + step.data.len())?;
            self.body.extend_from_slice(step.data);
            self.framing += step.consumed - step.data.len();
            if self.framing > MAX_FRAMING {
                return Err(broken("its answer is mostly framing"));
            }
            rest = &rest[step.consumed..];
        }
        self.pending.clear();
        if !decoder.is_done() {
            if !bytes.is_empty() {
                return Ok(None);
            }
            decoder.end().map_err(sent)?;
        }
        let body = std::mem::take(&mut self.body);
        Ok(self.head.take().map(|(head, _)| (head, body)))
    }

    /// Read the head, or skip one of status 1xx; whether it was there.
    fn read_head(&mut self) -> Result<bool> {
        let parsed = self.parser.parse(&self.pending).map_err(sent)?;
        let Parsed::Complete { head, consumed, .. } = parsed else {
            return Ok(false);
        };
        self.pending.drain(..consumed);
        if (100..=199).contains(&head.status) {
            self.interim += 1;
            if self.interim > MAX_INTERIM || head.status == 101 {
                return Err(broken(format!(
                    "it answers HTTP {} again and again",
                    head.status
                )));
            }
            return Ok(true);
        }
        let policy = FramingPolicy {
            identical_lengths: true,
            ..FramingPolicy::STRICT
        };
        // GET and POST are all that is asked, and their answers end alike.
        let framing = response_body_with(&head, b"GET", policy).map_err(sent)?;
        if let Framing::Length(length) = framing {
            check_length(usize::try_from(length).unwrap_or(usize::MAX))?;
        }
        let mut noted = Head {
            status: head.status,
            ..Head::default()
        };
        for field in head.headers.iter() {
            noted.note(field.name, field.value);
        }
        self.head = Some((noted, BodyDecoder::new(framing, BodyLimits::default())));
        Ok(true)
    }
}

fn sent(error: http1::Error) -> Error {
    broken(format!("it sent {error}"))
}

fn check_length(length: usize) -> Result<()> {
    if length <= MAX_BODY {
        return Ok(());
    }
    Err(broken(format!(
        "its answer is longer than {MAX_BODY} bytes"
    )))
}
