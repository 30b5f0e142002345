//! One file without a name, for all that does not stay in memory: it is gone with the process, however that ends.
//!
//! It is given out in extents of a few sizes and reused; what is free beyond a reserve goes back to the file system.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::fs::{FallocateFlags, OFlags};

/// The smallest extent; each further size is twice the one before.
const SMALLEST: u64 = 64 << 10;
/// How many sizes there are: up to 4 MiB.
const SIZES: usize = 7;
/// How many bytes of free extents are kept for reuse.
const RESERVE: u64 = 32 << 20;

/// The file, and which parts of it are taken.
#[derive(Debug)]
pub(super) struct Room {
    directory: Option<PathBuf>,
    most: u64,
    file: OnceLock<File>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    end: u64,
    used: u64,
    free: [Vec<u64>; SIZES],
    free_bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Extent {
    at: u64,
    size: usize,
}

impl Extent {
    fn len(self) -> u64 {
        SMALLEST << self.size
    }
}

impl Room {
    /// At most so many bytes, in this directory or that of temporary files.
    pub(super) fn new(directory: Option<PathBuf>, most: u64) -> Self {
        Self {
            directory,
            most,
            file: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    /// How many bytes are taken now.
    pub(super) fn used(&self) -> u64 {
        self.state().used
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn allocate(&self, size: usize) -> io::Result<Extent> {
        let mut state = self.state();
        if self.file.get().is_none() {
            let file = match &self.directory {
                Some(directory) => unnamed(directory)?,
                None => unnamed(&std::env::temp_dir())?,
            };
            let _ = self.file.set(file);
        }
        let len = SMALLEST << size;
        if state.used + len > self.most {
            let why = format!(
                "results would take more than {} bytes of temporary space",
                self.most
            );
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        state.used += len;
        if let Some(at) = state.free[size].pop() {
            state.free_bytes -= len;
            return Ok(Extent { at, size });
        }
        let at = state.end;
        state.end += len;
        Ok(Extent { at, size })
    }

    fn release(&self, extent: Extent) {
        let mut state = self.state();
        state.used -= extent.len();
        if state.free_bytes + extent.len() > RESERVE && self.punch(extent) {
            // Its place in the file is not used again: offsets are not short of room.
            return;
        }
        state.free_bytes += extent.len();
        state.free[extent.size].push(extent.at);
    }

    fn punch(&self, extent: Extent) -> bool {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        self.file
            .get()
            .is_some_and(|file| rustix::fs::fallocate(file, flags, extent.at, extent.len()).is_ok())
    }

    fn file(&self) -> io::Result<&File> {
        let missing = || io::Error::other("the temporary file is not open");
        self.file.get().ok_or_else(missing)
    }
}

/// A new file in this directory that no name leads to.
fn unnamed(directory: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    let flags = i32::try_from(OFlags::TMPFILE.bits()).unwrap_or(0);
    if let Ok(file) = options.clone().custom_flags(flags).open(directory) {
        return Ok(file);
    }
    // A file system without O_TMPFILE: the name is there for a moment only.
    let random = getrandom::u64().map_err(io::Error::other)?;
    let path = directory.join(format!(".sockeye-{random:016x}"));
    let named = |error: io::Error| {
        let why = format!("no temporary file in {}: {error}", directory.display());
        io::Error::new(error.kind(), why)
    };
    let file = options.create_new(true).open(&path).map_err(named)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Bytes in the file, appended at one end and forgotten from the other.
#[derive(Debug)]
pub(super) struct Tail {
    room: Arc<Room>,
    extents: VecDeque<Extent>,
    /// How many extents were forgotten.
    gone: usize,
    len: u64,
}

impl Tail {
    pub(super) fn new(room: Arc<Room>) -> Self {
        Self {
            room,
            extents: VecDeque::new(),
            gone: 0,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Append all of these.
    pub(super) fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (nth, offset) = locate(self.len);
            if nth - self.gone == self.extents.len() {
                self.extents
                    .push_back(self.room.allocate(size_of_nth(nth))?);
            }
            let extent = self.extents[nth - self.gone];
            let room = usize::try_from(extent.len() - offset).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.room.file()?.write_all_at(now, extent.at + offset)?;
            self.len += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    /// Read from this place on; 0 at the end.
    pub(super) fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(at)).unwrap_or(usize::MAX);
        let (nth, offset) = locate(at);
        if left == 0 || nth < self.gone {
            return Ok(0);
        }
        let extent = self.extents[nth - self.gone];
        let here = usize::try_from(extent.len() - offset).unwrap_or(usize::MAX);
        let most = into.len().min(left).min(here);
        let file = self.room.file()?;
        file.read_exact_at(&mut into[..most], extent.at + offset)?;
        Ok(most)
    }

    /// What comes before this place is not read again.
    pub(super) fn forget_before(&mut self, at: u64) {
        let (nth, _) = locate(at);
        while self.gone < nth {
            let Some(extent) = self.extents.pop_front() else {
                return;
            };
            self.gone += 1;
            self.room.release(extent);
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        for extent in self.extents.drain(..) {
            self.room.release(extent);
        }
    }
}

fn size_of_nth(nth: usize) -> usize {
    nth.min(SIZES - 1)
}

/// In which extent a place is, and how far in.
fn locate(at: u64) -> (usize, u64) {
    let mut start = 0;
    for nth in 0..SIZES - 1 {
        let len = SMALLEST << nth;
        if at < start + len {
            return (nth, at - start);
        }
        start += len;
    }
    let largest = SMALLEST << (SIZES - 1);
    let further = (at - start) / largest;
    let nth = SIZES - 1 + usize::try_from(further).unwrap_or(usize::MAX - SIZES);
    (nth, (at - start) % largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_in_growing_extents() {
        assert_eq!(locate(0), (0, 0));
        assert_eq!(locate(SMALLEST - 1), (0, SMALLEST - 1));
        assert_eq!(locate(SMALLEST), (1, 0));
        assert_eq!(locate(3 * SMALLEST), (2, 0));
        let doubled = SMALLEST * ((1 << (SIZES - 1)) - 1);
        assert_eq!(locate(doubled), (SIZES - 1, 0));
        let largest = SMALLEST << (SIZES - 1);
        assert_eq!(locate(doubled + largest + 7), (SIZES, 7));
    }

    #[test]
    fn bytes_come_back_and_room_is_reused() {
        let directory = tempfile::tempdir().unwrap();
        let room = Arc::new(Room::new(Some(directory.path().into()), 64 << 20));
        for round in 0..20u8 {
            let mut tail = Tail::new(Arc::clone(&room));
            let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n as u8 ^ round).collect();
            for piece in bytes.chunks(70_001) {
                tail.append(piece).unwrap();
            }
            let mut back = vec![0; bytes.len()];
            let mut at = 0;
            while at < back.len() {
                at += tail.read_at(at as u64, &mut back[at..]).unwrap();
                tail.forget_before(at as u64);
            }
            assert!(back == bytes, "round {round}");
        }
        assert_eq!(room.used(), 0);
        assert!(room.state().end < 4 << 20, "extents are reused");
        let names = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(names, 0, "the file has no name");
    }

    #[test]
    fn room_is_bounded() {
        let room = Arc::new(Room::new(None, 100_000));
        let mut tail = Tail::new(room);
        let error = tail.append(&vec![1; 200_000]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains("100000 bytes"), "{error}");
    }
}
