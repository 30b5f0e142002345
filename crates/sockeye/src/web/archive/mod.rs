//! Folders as one file: tar, gzip or zstd around it, ZIP; written while they are sent, in memory that does not grow with
//! the folder (but for ZIP's table at the end, about 100 bytes an entry).
//!
//! What is packed is what could be fetched. An archive that cannot be finished ends in a broken connection: nobody takes a
//! part for the whole.

mod pipe;
mod tar;
mod walk;
mod zip;

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use sockeye_data::percent::{self, Keep};
use tokio::sync::{Semaphore, mpsc};

use self::pipe::{Pipe, Unpacked};
use self::walk::Walk;
use super::body::Body;
use super::files::Folder;
use super::handler::Reply;
use super::request::Request;
use super::response::Response;

/// Chunks of an archive that wait for the client.
const WAITING: usize = 4;

/// A form that a folder can be packed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// ZIP with deflate (APPNOTE 6.3); ZIP64 where it is needed.
    Zip,
    /// POSIX tar with pax records where they are needed, in gzip.
    TarGz,
    /// The same, in Zstandard.
    TarZst,
    /// The same, as it is.
    Tar,
}

impl Format {
    /// All of them, the best known first.
    pub const ALL: [Self; 4] = [Self::Zip, Self::TarGz, Self::TarZst, Self::Tar];

    /// Its name, which is what file names end in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::TarGz => "tar.gz",
            Self::TarZst => "tar.zst",
            Self::Tar => "tar",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Zip => "application/zip",
            Self::TarGz => "application/gzip",
            Self::TarZst => "application/zstd",
            Self::Tar => "application/x-tar",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How folders are packed.
///
/// Symbolic links that stay in the folder are links in tar. Others are packed as the files they lead to, if a client could
/// fetch those, and left out if not.
#[derive(Clone)]
pub struct Archives {
    at_once: usize,
    slots: Arc<Semaphore>,
    bounds: Bounds,
}

/// What an archive may come to.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    bytes: Option<u64>,
    entries: u64,
    /// Folders in folders; each takes a descriptor meanwhile.
    depth: usize,
}

impl Default for Archives {
    fn default() -> Self {
        Self::new()
    }
}

impl Archives {
    /// Four at once, each with a million entries at most, 128 folders deep at most, as large as it gets.
    pub fn new() -> Self {
        Self {
            at_once: 4,
            slots: Arc::new(Semaphore::new(4)),
            bounds: Bounds {
                bytes: None,
                entries: 1_000_000,
                depth: 128,
            },
        }
    }

    /// How many are packed at once; who asks for another gets 503.
    pub fn at_once(mut self, archives: usize) -> Self {
        let archives = archives.min(Semaphore::MAX_PERMITS);
        self.at_once = archives;
        self.slots = Arc::new(Semaphore::new(archives));
        self
    }

    /// Bytes that an archive may have; one that comes to more is broken off. No limit by default.
    pub fn max_size(mut self, bytes: Option<u64>) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// Files and folders that an archive may have; one that comes to more is broken off.
    pub fn max_entries(mut self, entries: u64) -> Self {
        self.bounds.entries = entries;
        self
    }

    /// How deep folders in folders may lie; an archive of deeper ones is broken off. Each takes a descriptor meanwhile.
    pub fn max_depth(mut self, folders: usize) -> Self {
        self.bounds.depth = folders;
        self
    }

    /// Answer with this folder as an archive.
    pub(super) fn pack(&self, folder: Folder, format: Format, request: Request) -> Reply {
        let response = Response::new(200)
            .header("Content-Type", format.media_type())
            .header("Content-Disposition", disposition(&folder.path, format))
            .header("Cache-Control", "no-store")
            .header("Accept-Ranges", "none")
            .header("X-Content-Type-Options", "nosniff");
        request.note("archive", || {
            let inflight = self.at_once - self.slots.available_permits();
            format!(
                "packed as {format} while it is sent; {inflight} of {} under way",
                self.at_once
            )
        });
        if request.is_head() {
            return response.into();
        }
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
            let why = format!(
                "{} folders are being packed, which is the limit; try again soon",
                self.at_once
            );
            return Response::error(503, why).header("Retry-After", "10").into();
        };
        let bounds = self.bounds;
        let asker = Asker::new(request);
        Reply::later(async move {
            let (sender, chunks) = mpsc::channel(WAITING);
            // On a thread of its own: reading and compressing would hold up the connections of this one. It ends with its
            // archive, or when nobody takes what it packs.
            tokio::task::spawn_blocking(move || {
                let mut pipe = Pipe::new(sender, bounds.bytes);
                let packed = pack(folder, format, bounds, asker, &mut pipe);
                pipe.end(packed);
                drop(slot);
            });
            response.with_body(Body::chunks(Unpacked::new(chunks), None))
        })
    }
}

fn pack(
    folder: Folder,
    format: Format,
    bounds: Bounds,
    asker: Asker,
    out: &mut Pipe,
) -> io::Result<()> {
    // ZIP has no links that all who unpack it know.
    let walk = Walk::new(folder, bounds, format != Format::Zip, asker)?;
    match format {
        Format::Zip => zip::write(walk, out),
        Format::Tar => tar::write(walk, out),
        Format::TarGz => {
            let mut gzip = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            tar::write(walk, &mut gzip)?;
            gzip.finish()?.flush()
        }
        Format::TarZst => {
            let mut zstd = zstd::stream::write::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            tar::write(walk, &mut zstd)?;
            zstd.finish()?.flush()
        }
    }
}

/// Who asks for a folder, and so what of it they may read.
///
/// It owns the request: many answers are still being made when the handler has returned.
pub(super) struct Asker {
    request: Request,
    /// The folder's path as the rules know it: decoded, with a slash at its end.
    base: Vec<u8>,
}

impl Asker {
    pub(super) fn new(request: Request) -> Self {
        // It was decoded before the folder was found.
        let base = percent::decode(request.path()).unwrap_or_default();
        Self { request, base }
    }

    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    /// Whether the rules let them read what is at this path from the folder; that of a folder ends with a slash.
    pub(super) fn may_read(&self, path: &[u8]) -> bool {
        self.request.may_read(&[&self.base, path].concat())
    }
}

/// The name to save an archive as (RFC 6266): that of the folder.
fn disposition(path: &[u8], format: Format) -> String {
    let folder = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let folder = if folder.is_empty() { b"files" } else { folder };
    let name = format!("{}.{format}", String::from_utf8_lossy(folder));
    let is_plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%');
    let plain: String = name
        .chars()
        .map(|c| if is_plain(c) || c == ' ' { c } else { '_' })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    // What RFC 8187 lets stand, and nothing else.
    let exact = percent::encode(name.as_bytes(), Keep::UNRESERVED.without("~"));
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

impl fmt::Debug for Archives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archives")
            .field("at_once", &self.at_once)
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_called_like_its_folder() {
        for (path, value) in [
            ("", "attachment; filename=\"files.zip\""),
            ("a/b c", "attachment; filename=\"b c.zip\""),
            (
                "\"ä\n",
                "attachment; filename=\"___.zip\"; filename*=UTF-8''%22%C3%A4%0A.zip",
            ),
        ] {
            assert_eq!(disposition(path.as_bytes(), Format::Zip), value);
        }
    }
}
