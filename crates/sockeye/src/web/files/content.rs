//! The bytes of a file: in memory if they are few, else in the file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use sockeye_data::media;

use super::super::body::{Body, FilePart};
use super::ranges::slice;
use super::version::Version;

/// Text of at most this many bytes is looked through whole; of more, the first [`GLANCE`].
const LOOKED_THROUGH: u64 = 1 << 20;
/// How much of a large file says whether it is text.
const GLANCE: u64 = 64 << 10;
/// How often a file is read again that changed meanwhile.
const TRIES: usize = 3;
/// Files that do not say how large they are, as in `/proc`, are served up to here.
const UNSAID: usize = 4 << 20;

/// The bytes of a file.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// All of them.
    Memory(Bytes),
    /// Where they are.
    File(Arc<File>),
}

/// A file that was opened and looked at.
pub(super) struct Loaded {
    pub(super) content: Content,
    pub(super) length: u64,
    /// `None` if its metadata do not describe its bytes, as in `/proc`: then nothing is known of its versions.
    pub(super) version: Option<Version>,
}

impl Content {
    /// This part of it as a body.
    pub(super) fn part(&self, at: u64, length: u64) -> Body {
        match self {
            Self::Memory(all) => slice(all, at, length).into(),
            Self::File(file) => Body::file(FilePart {
                file: Arc::clone(file),
                at,
                length,
            }),
        }
    }

    /// Whether it is text in UTF-8, as far as it is looked at.
    pub(super) fn is_utf8_text(&self, length: u64) -> bool {
        match self {
            Self::Memory(all) => media::is_utf8_text(all, false),
            Self::File(file) => {
                let is_cut = length > LOOKED_THROUGH;
                let many = if is_cut { GLANCE } else { length };
                read(file, usize::try_from(many).unwrap_or(0))
                    .is_ok_and(|bytes| media::is_utf8_text(&bytes, is_cut))
            }
        }
    }
}

/// Read a file of at most `small` bytes into memory, and look at others.
///
/// # Errors
///
/// Those of fstat(2) and pread(2).
pub(super) fn load(file: File, small: u64) -> io::Result<Loaded> {
    let mut before = Version::of(&file.metadata()?);
    if before.size > small {
        // Reading ahead is worth more: files of this size are sent from their beginning to their end.
        let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
        return Ok(Loaded {
            content: Content::File(Arc::new(file)),
            length: before.size,
            version: Some(before),
        });
    }
    for _ in 0..TRIES {
        // One byte more, to see that it ends there.
        let size = usize::try_from(before.size).unwrap_or(usize::MAX);
        let bytes = read(&file, size.saturating_add(1))?;
        let after = Version::of(&file.metadata()?);
        if after != before {
            before = after;
            continue;
        }
        if bytes.len() == size {
            return Ok(Loaded {
                length: before.size,
                content: Content::Memory(bytes),
                version: Some(before),
            });
        }
        break;
    }
    let bytes = read(&file, UNSAID + 1)?;
    if bytes.len() > UNSAID {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Loaded {
        length: bytes.len() as u64,
        content: Content::Memory(bytes),
        version: None,
    })
}

/// So many bytes from the beginning, or what there is.
pub(super) fn read(file: &File, most: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; most.min(GLANCE as usize)];
    let mut filled = 0;
    while filled < most {
        if filled == bytes.len() {
            bytes.resize(most.min(2 * bytes.len()), 0);
        }
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}
