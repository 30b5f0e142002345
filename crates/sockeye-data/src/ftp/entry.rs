//! One line of a listing, and which names may be used as names.

use std::fmt;

use crate::escape::is_hidden;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, to whatever.
    Link,
    /// A device, a socket, a pipe, or what the server has no word for.
    Other,
}

/// How exact a time of a listing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// To the second, in UTC: of `MLSD`, `MDTM` and EPLF.
    Second,
    /// To the minute, in the zone of the server, which nobody knows.
    Minute,
    /// To the day, in the zone of the server.
    Day,
}

/// When an entry was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modified {
    /// Seconds since 1970; what is in the zone of the server is taken for UTC.
    pub seconds: i64,
    /// How exact that is.
    pub precision: Precision,
}

/// One entry of a directory.
///
/// The name is what the server wrote, byte for byte: see [`name_fault`] before it becomes part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The name; with `MLST` a path.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// When it was last changed.
    pub modified: Option<Modified>,
    /// Where a link leads to, if the server says so.
    pub target: Option<Vec<u8>>,
    /// The rights as the server wrote them: `rw-r--r--`, or the fact `perm`.
    pub rights: Option<String>,
    /// The owner.
    pub owner: Option<String>,
    /// The group.
    pub group: Option<String>,
    /// What is the same for all names of one thing (the fact `unique`, RFC 3659 section 7.5.2), if the server says so.
    pub unique: Option<String>,
}

impl Entry {
    pub(super) fn new(name: &[u8], kind: EntryKind) -> Self {
        Self {
            name: name.to_vec(),
            kind,
            size: None,
            modified: None,
            target: None,
            rights: None,
            owner: None,
            group: None,
            unique: None,
        }
    }

    /// Whether this is the directory itself or the one above it.
    pub fn is_dots(&self) -> bool {
        matches!(self.name.as_slice(), b"." | b"..")
    }
}

/// Why a name is not used for a file in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameFault {
    /// There is none.
    Empty,
    /// It is `.` or `..`.
    Dots,
    /// It is `~`, which shells read as somebody's home.
    Home,
    /// It has a slash or a backslash, so it leads elsewhere.
    Separator,
    /// It has a NUL, a line break or another control character, or byte 255.
    Control,
    /// It has a character that cannot be seen, or turns the direction of text.
    Hidden,
    /// It is longer than the 255 bytes that file systems take.
    TooLong,
}

impl fmt::Display for NameFault {
    /// A clause: `its name leads elsewhere`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it has no name",
            Self::Dots => "its name is another folder",
            Self::Home => "its name is a tilde, which shells read as a home",
            Self::Separator => "its name leads elsewhere",
            Self::Control => "its name has control characters",
            Self::Hidden => "its name has characters that cannot be seen",
            Self::TooLong => "its name is too long",
        })
    }
}

/// Why this name must not become the name of a file in a folder; `None` if it may.
///
/// It is one part of a path that leads nowhere but into the folder, on this machine and on the server, and nothing in it does
/// harm to a terminal or to the line it is sent in. Names that begin with a dot or a dash are names.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{NameFault, name_fault};
///
/// assert_eq!(name_fault(b"read me.txt"), None);
/// assert_eq!(name_fault(b"../x"), Some(NameFault::Separator));
/// assert_eq!(name_fault(b".."), Some(NameFault::Dots));
/// assert_eq!(name_fault(b"a\r\nDELE b"), Some(NameFault::Control));
/// ```
pub fn name_fault(name: &[u8]) -> Option<NameFault> {
    match name {
        b"" => return Some(NameFault::Empty),
        b"." | b".." => return Some(NameFault::Dots),
        b"~" => return Some(NameFault::Home),
        _ if name.len() > 255 => return Some(NameFault::TooLong),
        _ => {}
    }
    for byte in name {
        match byte {
            b'/' | b'\\' => return Some(NameFault::Separator),
            0..=31 | 127 | 255 => return Some(NameFault::Control),
            _ => {}
        }
    }
    let text = String::from_utf8_lossy(name);
    if text.chars().any(char::is_control) {
        return Some(NameFault::Control);
    }
    text.chars().any(is_hidden).then_some(NameFault::Hidden)
}
