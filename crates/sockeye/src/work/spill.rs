//! What jobs say, kept in memory while it is little, and in one file without a name when it is much.

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::extents::{Room, Tail};

/// How much of one job's output stays in memory.
const EACH: usize = 64 << 10;
/// How much memory results take that wait for their turn.
const MEMORY: usize = 16 << 20;
/// How much is read or written at once.
const PIECE: usize = 64 << 10;

/// Where much goes: cheap to clone, one file for all.
///
/// The file is in `TMPDIR` (or `/tmp`), is made when it is needed first, and has no name: whatever ends the process ends it too.
///
/// ```
/// use std::io::Write;
/// use sockeye::work::Spill;
///
/// # fn main() -> std::io::Result<()> {
/// let spill = Spill::default().with_each(1024);
/// let mut gather = spill.gather();
/// for _ in 0..1000 {
///     gather.write_all(b"one line of many\n")?;
/// }
/// let blob = gather.finish();
/// assert_eq!(blob.len(), 17_000);
/// assert!(blob.as_bytes().is_none(), "most of it is in the file");
/// let mut copy = Vec::new();
/// blob.write_to(&mut copy)?;
/// assert_eq!(copy.len(), 17_000);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Spill {
    memory: usize,
    each: usize,
    room: Arc<Room>,
}

impl Default for Spill {
    fn default() -> Self {
        Self {
            memory: MEMORY,
            each: EACH,
            room: Arc::new(Room::new(None, u64::MAX)),
        }
    }
}

impl Spill {
    /// Results that wait for their turn may take about so many bytes of memory: 16 MiB by default.
    #[must_use]
    pub fn with_memory(mut self, bytes: usize) -> Self {
        self.memory = bytes;
        self
    }

    /// Of what one job says, so many bytes stay in memory: 64 KiB by default, for standard output and standard error each.
    #[must_use]
    pub fn with_each(mut self, bytes: usize) -> Self {
        self.each = bytes;
        self
    }

    /// A file of its own, in this directory or that of temporary files, of at most so many bytes: as many as there are by default.
    /// A job that says more than fits fails; a run whose waiting results do not fit ends.
    #[must_use]
    pub fn with_file(mut self, directory: Option<PathBuf>, most: u64) -> Self {
        self.room = Arc::new(Room::new(directory, most));
        self
    }

    /// To gather what one job says.
    pub fn gather(&self) -> Gather {
        Gather {
            memory: Vec::new(),
            each: self.each,
            tail: None,
            room: Arc::clone(&self.room),
        }
    }

    /// How many bytes of the file are taken now.
    pub fn used(&self) -> u64 {
        self.room.used()
    }

    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    pub(super) fn tail(&self) -> Tail {
        Tail::new(Arc::clone(&self.room))
    }
}

/// Gathers bytes as they come: a [`Write`], then a [`Blob`].
///
/// A write may block for as long as the system takes to put bytes into its cache.
#[derive(Debug)]
pub struct Gather {
    memory: Vec<u8>,
    each: usize,
    tail: Option<Tail>,
    room: Arc<Room>,
}

impl Gather {
    /// How many bytes came until now.
    pub fn len(&self) -> u64 {
        self.memory.len() as u64 + self.tail.as_ref().map_or(0, Tail::len)
    }

    /// Whether none came.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All that was gathered.
    pub fn finish(self) -> Blob {
        Blob {
            memory: self.memory.into_boxed_slice().into(),
            tail: self.tail.map(Arc::new),
        }
    }
}

impl Write for Gather {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = match &self.tail {
            Some(_) => 0,
            None => self.each.saturating_sub(self.memory.len()),
        };
        let (now, later) = bytes.split_at(bytes.len().min(room));
        self.memory.extend_from_slice(now);
        if !later.is_empty() {
            let tail = self
                .tail
                .get_or_insert_with(|| Tail::new(Arc::clone(&self.room)));
            tail.append(later)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes, in memory or, what is more than that, in the file of their [`Spill`]. Cheap to clone; the file's room is free again
/// when the last clone is dropped.
#[derive(Clone, Debug, Default)]
pub struct Blob {
    memory: Bytes,
    tail: Option<Arc<Tail>>,
}

impl Blob {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        self.memory.len() as u64 + self.tail.as_ref().map_or(0, |tail| tail.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of them are in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.memory.len()
    }

    /// The bytes, if all are in memory.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        self.tail.is_none().then_some(&self.memory)
    }

    /// Write all of them, without having all in memory.
    ///
    /// # Errors
    ///
    /// Those of the writer, and of reading the file.
    pub fn write_to(&self, to: &mut dyn Write) -> io::Result<()> {
        to.write_all(&self.memory)?;
        if self.tail.is_some() {
            let mut rest = self.reader();
            rest.at = self.memory.len() as u64;
            let mut piece = vec![0; PIECE];
            loop {
                let many = rest.read(&mut piece)?;
                if many == 0 {
                    break;
                }
                to.write_all(&piece[..many])?;
            }
        }
        Ok(())
    }

    /// Read them from the start, without having all in memory.
    pub fn reader(&self) -> BlobReader {
        BlobReader {
            blob: self.clone(),
            at: 0,
        }
    }

    /// What is in memory, and the rest.
    pub(super) fn into_parts(self) -> (Bytes, Option<Arc<Tail>>) {
        (self.memory, self.tail)
    }

    pub(super) fn from_parts(memory: Bytes, tail: Option<Arc<Tail>>) -> Self {
        Self { memory, tail }
    }
}

impl<T: Into<Bytes>> From<T> for Blob {
    fn from(bytes: T) -> Self {
        Self {
            memory: bytes.into(),
            tail: None,
        }
    }
}

/// Reads a [`Blob`] from its start.
#[derive(Debug)]
pub struct BlobReader {
    blob: Blob,
    at: u64,
}

impl Read for BlobReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let first = self.blob.memory.len();
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let many = match &self.blob.tail {
            _ if at < first => {
                let most = into.len().min(first - at);
                into[..most].copy_from_slice(&self.blob.memory[at..at + most]);
                most
            }
            Some(tail) => tail.read_at(self.at - first as u64, into)?,
            None => 0,
        };
        self.at += many as u64;
        Ok(many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_gives_back_what_was_gathered_from_both_places() {
        for (each, size) in [
            (0, 0),
            (0, 10),
            (10, 10),
            (10, 11),
            (1000, 300_000),
            (65_536, 9_000_000),
        ] {
            let spill = Spill::default().with_each(each);
            let bytes: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
            let mut gather = spill.gather();
            for piece in bytes.chunks(7777) {
                gather.write_all(piece).unwrap();
            }
            assert_eq!(gather.len(), bytes.len() as u64);
            let blob = gather.finish();
            assert_eq!(blob.as_bytes().is_some(), bytes.len() <= each);
            let mut copy = Vec::new();
            blob.write_to(&mut copy).unwrap();
            assert!(copy == bytes, "{each} {size}");
            let mut read = Vec::new();
            blob.reader().read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{each} {size}");
            drop(blob);
            assert_eq!(spill.used(), 0, "the room is free again");
        }
    }

    #[test]
    fn many_large_results_take_one_descriptor() {
        let spill = Spill::default().with_each(8);
        let blobs: Vec<Blob> = (0..500u32)
            .map(|n| {
                let mut gather = spill.gather();
                gather
                    .write_all(n.to_string().repeat(20).as_bytes())
                    .unwrap();
                gather.finish()
            })
            .collect();
        for (n, blob) in blobs.iter().enumerate() {
            let mut copy = Vec::new();
            blob.write_to(&mut copy).unwrap();
            assert_eq!(copy, n.to_string().repeat(20).into_bytes());
        }
        assert!(spill.used() > 0);
    }
}
