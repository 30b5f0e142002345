//! What goes wrong with an upload, as the answer that says so.

use std::io;

use rustix::io::Errno;
use sockeye_data::http1::Headers;

use crate::web::body::BodyError;
use crate::web::response::Response;

/// Why nothing was stored.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) why: String,
    /// Header lines that the answer needs.
    headers: Vec<(&'static str, String)>,
}

pub(super) type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(super) fn new(status: u16, why: impl Into<String>) -> Self {
        Self {
            status,
            why: why.into(),
            headers: Vec::new(),
        }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Something is there, and the rules say that it stays.
    pub(super) fn exists() -> Self {
        Self::new(409, "there is something of this name already, and it stays")
    }

    pub(super) fn quota() -> Self {
        Self::new(507, "the space for uploads is used up")
    }

    pub(super) fn too_large(most: u64) -> Self {
        Self::new(413, format!("a file may have {most} bytes at most"))
            .with("Upload-Limit", format!("max-size={most}"))
    }

    pub(super) fn response(self) -> Response {
        let mut response = Response::error(self.status, self.why);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
    }
}

impl From<io::Error> for Fault {
    /// What the system says, without the names it says it of.
    fn from(error: io::Error) -> Self {
        let errno = error.raw_os_error().map(Errno::from_raw_os_error);
        let (status, why) = match errno {
            Some(Errno::NOSPC | Errno::DQUOT) => (507, "this machine has no space left for it"),
            Some(Errno::FBIG) => (413, "files of this size cannot be kept here"),
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
                (403, "the server may not write there")
            }
            Some(Errno::EXIST | Errno::NOTEMPTY | Errno::ISDIR) => return Self::exists(),
            Some(Errno::NOTDIR) => (409, "a folder of its path is a file"),
            Some(Errno::NAMETOOLONG) => (400, "a name that is too long"),
            Some(Errno::NOENT | Errno::LOOP | Errno::XDEV) => (404, "there is no such place"),
            _ if error.kind() == io::ErrorKind::NotFound => (404, "there is no such place"),
            _ => return Self::new(500, format!("it cannot be stored: {}", error.kind())),
        };
        Self::new(status, why)
    }
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Self {
        io::Error::from(error).into()
    }
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(most) => Self::too_large(most),
            error => Self::new(error.status(), error.to_string()),
        }
    }
}

/// The value of one header that can be there once at most.
pub(super) fn single<'h>(headers: &'h Headers, name: &str) -> Result<Option<&'h [u8]>> {
    let mut values = headers.all(name);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Fault::new(400, format!("{name} more than once"))),
    }
}
