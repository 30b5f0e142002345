//! HTTP/1.0 and 1.1 as bytes (RFC 9112): heads, framing and bodies, read and written strictly.
//!
//! No sockets and no clock: bytes in, values out, and back. What is written goes out exactly as it was given: case,
//! order, duplicates and spacing of header lines are kept. What is read is refused unless its meaning is beyond doubt,
//! because two readers that disagree on where a message ends let a third party smuggle one in.
//!
//! # Examples
//!
//! A client that writes a request, and reads the answer in whatever pieces it comes:
//!
//! ```
//! use sockeye_data::http1::{
//!     BodyDecoder, BodyLimits, Framing, Headers, Limits, Parsed, RequestHead, ResponseParser, Version, persistent,
//!     response_body,
//! };
//!
//! let mut headers = Headers::new();
//! headers.append("Host", "example.org")?;
//! headers.append("x-B", "1")?;
//! let request = RequestHead::new("GET", "/%7e/../q", headers);
//! let mut out = Vec::new();
//! request.write(&mut out)?;
//! assert_eq!(out, b"GET /%7e/../q HTTP/1.1\r\nHost: example.org\r\nx-B: 1\r\n\r\n");
//!
//! let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
//! let mut parser = ResponseParser::new(Limits::default());
//! assert!(matches!(parser.parse(&answer[..20])?, Parsed::Incomplete));
//! let Parsed::Complete { head, consumed, .. } = parser.parse(answer)? else { unreachable!() };
//! assert_eq!((head.status, head.reason.as_slice()), (200, &b"OK"[..]));
//!
//! let framing = response_body(&head, request.method.as_bytes())?;
//! assert_eq!(framing, Framing::Chunked);
//! let mut decoder = BodyDecoder::new(framing, BodyLimits::default());
//! let (mut rest, mut body) = (&answer[consumed..], Vec::new());
//! while !decoder.is_done() {
//!     let step = decoder.decode(rest)?;
//!     body.extend_from_slice(step.data);
//!     rest = &rest[step.consumed..];
//! }
//! assert_eq!(body, b"hello");
//! assert!(persistent(Version::Http11, &head.headers));
//! # Ok::<(), sockeye_data::http1::Error>(())
//! ```

pub use self::body::{BodyDecoder, BodyEncoder, BodyLimits, Frame, Step};
pub use self::connection::{
    Expectation, connection_names, expectation, is_tunnel, persistent, upgrade,
};
pub use self::error::{Error, ErrorKind};
pub use self::framing::{
    Framing, FramingPolicy, request_body, request_body_with, response_body, response_body_with,
};
pub use self::head::{RequestHead, ResponseHead, Version};
pub use self::headers::{Field, Headers};
pub use self::parse::{Limits, Parsed, RequestParser, ResponseParser};
pub use self::strictness::{Forgiven, Strictness};
pub use self::target::{TargetForm, host, target_form};

mod body;
mod chunked;
mod connection;
mod error;
mod framing;
mod head;
mod headers;
mod line;
mod parse;
mod strictness;
pub(crate) mod syntax;
mod target;

#[cfg(test)]
mod tests;
