//! Heads of requests and responses, and how they are written.

use super::error::{Error, ErrorKind, quoted};
use super::headers::Headers;
use super::line::byte_name;
use super::syntax::{is_token, is_value_byte};

/// The version of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/0.9: a body without a head; only [`Strictness::LENIENT`](super::Strictness::LENIENT) gives it.
    Http09,
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    /// As it stands in a start line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http09 => "HTTP/0.9",
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, a token; its case matters.
    pub method: String,
    /// The target, exactly the bytes between the two blanks of the request line.
    pub target: Vec<u8>,
    /// The version.
    pub version: Version,
    /// The header lines.
    pub headers: Headers,
}

/// The head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// The version.
    pub version: Version,
    /// The status, 100 to 999.
    pub status: u16,
    /// What follows the status: any visible bytes, often none; nothing may depend on it.
    pub reason: Vec<u8>,
    /// The header lines.
    pub headers: Headers,
}

impl RequestHead {
    /// A request in HTTP/1.1.
    pub fn new(method: impl Into<String>, target: impl Into<Vec<u8>>, headers: Headers) -> Self {
        Self {
            method: method.into(),
            target: target.into(),
            version: Version::Http11,
            headers,
        }
    }

    /// Write the head, the empty line at its end included, exactly as it is.
    ///
    /// Whether it makes sense (a `Host`, a target that suits the method) is not checked: testing servers takes requests
    /// that do not. What is checked is that the bytes read as this head and nothing else.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unwritable`]: a method that is not a token; a blank or a control byte in the target, or no target;
    /// HTTP/0.9. Then nothing was written.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !is_token(self.method.as_bytes()) {
            let what = format!("{} as the method", quoted(self.method.as_bytes()));
            return Err(unwritable(what, "RFC 9110 section 9.1"));
        }
        if self.target.is_empty() {
            return Err(unwritable("an empty target", "RFC 9112 section 3.2"));
        }
        let wrong = |&byte: &u8| byte <= b' ' || byte == 0x7f;
        if let Some(at) = self.target.iter().position(wrong) {
            let what = format!("{} in the target", byte_name(self.target[at]));
            return Err(unwritable(what, "RFC 9112 section 3.2").at(at));
        }
        spoken(self.version)?;
        out.extend_from_slice(self.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(&self.target);
        out.push(b' ');
        out.extend_from_slice(self.version.as_str().as_bytes());
        out.extend_from_slice(b"\r\n");
        self.headers.write(out);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

impl ResponseHead {
    /// A response in HTTP/1.1 with the usual words for its status, if it has any.
    pub fn new(status: u16, headers: Headers) -> Self {
        Self {
            version: Version::Http11,
            status,
            reason: reason_of(status).as_bytes().to_vec(),
            headers,
        }
    }

    /// Write the head, the empty line at its end included, exactly as it is.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unwritable`]: a status outside 100 to 999; a control byte in the reason; HTTP/0.9. Then nothing was
    /// written.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        if !(100..=999).contains(&self.status) {
            let what = format!("{} as a status", self.status);
            return Err(unwritable(what, "RFC 9110 section 15"));
        }
        if let Some(at) = self.reason.iter().position(|&byte| !is_value_byte(byte)) {
            let what = format!("{} in the reason", byte_name(self.reason[at]));
            return Err(unwritable(what, "RFC 9112 section 4").at(at));
        }
        spoken(self.version)?;
        out.extend_from_slice(self.version.as_str().as_bytes());
        out.extend_from_slice(format!(" {} ", self.status).as_bytes());
        out.extend_from_slice(&self.reason);
        out.extend_from_slice(b"\r\n");
        self.headers.write(out);
        out.extend_from_slice(b"\r\n");
        Ok(())
    }
}

fn unwritable(what: impl Into<std::borrow::Cow<'static, str>>, rule: &'static str) -> Error {
    Error::new(ErrorKind::Unwritable, what, rule)
}

fn spoken(version: Version) -> Result<(), Error> {
    if version == Version::Http09 {
        return Err(unwritable("a head in HTTP/0.9, which has none", ""));
    }
    Ok(())
}

/// The usual words for a status (RFC 9110 section 15), or nothing.
fn reason_of(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}
