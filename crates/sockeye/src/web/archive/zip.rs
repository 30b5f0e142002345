//! ZIP as it can be written without going back: sizes and checksums stand behind each file (APPNOTE 6.3.10, section 4.3.9),
//! and the table of all at the end. ZIP64 for what is 4 GiB or more, and for 65,535 entries or more.
//!
//! What is compressed already goes into deflate's stored blocks, not into ZIP's method "stored": of that, a reader that
//! cannot go back either would not find the end.

use std::io::{self, Write};

use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress, Status};
use sockeye_data::fields::date;

use super::walk::{Exactly, Item, Walk, What};

/// What 32 bits cannot say, in the fields of 32 bits.
const SEE_EXTRA: u32 = u32::MAX;
/// A file with more bytes may have 4 GiB of what deflate makes of it.
const BIG: u64 = 0xff00_0000;
/// Sizes and checksum are behind the file.
const BEHIND: u16 = 1 << 3;
/// The name is UTF-8.
const UTF8: u16 = 1 << 11;
const DEFLATED: u16 = 8;

/// Endings of what gets no smaller.
const COMPRESSED: &[&str] = &[
    "7z", "aac", "apk", "avif", "br", "bz2", "docx", "epub", "flac", "gif", "gz", "heic", "jar",
    "jpeg", "jpg", "jxl", "lz4", "m4a", "m4v", "mkv", "mov", "mp3", "mp4", "odt", "ogg", "opus",
    "png", "pptx", "rar", "tbz", "tgz", "txz", "webm", "webp", "whl", "woff", "woff2", "xlsx",
    "xz", "zip", "zst",
];

/// Write all of it, and the table.
pub(super) fn write(walk: Walk, out: &mut impl Write) -> io::Result<()> {
    write_with(walk, out, BIG)
}

/// [`write`], with another size from which on files are big.
fn write_with(walk: Walk, out: &mut impl Write, big: u64) -> io::Result<()> {
    let mut zip = Zip {
        out,
        big,
        written: 0,
        table: Table::default(),
        entries: 0,
        packer: Packer {
            squeeze: Compress::new(Compression::default(), false),
            store: Compress::new(Compression::none(), false),
            input: vec![0; 64 << 10],
            output: Vec::with_capacity(64 << 10),
        },
    };
    for item in walk {
        zip.add(item?)?;
    }
    zip.finish()
}

struct Zip<'o, W> {
    out: &'o mut W,
    written: u64,
    /// A file with more bytes is big.
    big: u64,
    table: Table,
    entries: u64,
    packer: Packer,
}

/// The table at the end, as it will be written. In pieces: one that grew as a whole would be copied, and be there twice.
#[derive(Default)]
struct Table(Vec<Vec<u8>>);

impl Table {
    const PIECE: usize = 64 << 10;

    fn add(&mut self, line: &[&[u8]]) {
        let length: usize = line.iter().map(|part| part.len()).sum();
        let has_room = |piece: &Vec<u8>| piece.capacity() - piece.len() >= length;
        if !self.0.last().is_some_and(has_room) {
            self.0.push(Vec::with_capacity(Self::PIECE.max(length)));
        }
        if let Some(piece) = self.0.last_mut() {
            line.iter().for_each(|part| piece.extend_from_slice(part));
        }
    }
}

/// What makes the bytes of a file those of the archive, for one file after the other.
struct Packer {
    squeeze: Compress,
    store: Compress,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// What is known of an entry.
struct Facts {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    /// Time and date as DOS has them.
    stamp: [u16; 2],
    /// Seconds since 1970, where they fit.
    modified: Option<i32>,
    is_big: bool,
    at: u64,
    mode: u32,
    sum: u32,
    packed: u64,
    size: u64,
}

impl<W: Write> Zip<'_, W> {
    fn add(&mut self, item: Item) -> io::Result<()> {
        let is_folder = matches!(item.what, What::Folder);
        let (file, size) = match item.what {
            What::Folder => (None, 0),
            What::File(file, size) => (Some(file).filter(|_| size > 0), size),
            // The walk was told that there are no links in here.
            What::Link(_) => return Ok(()),
        };
        let name = name(&item.path);
        let utf8 = if std::str::from_utf8(&name).is_ok() {
            UTF8
        } else {
            0
        };
        let kind = if is_folder { 0o040_000 } else { 0o100_000 };
        let mut facts = Facts {
            name,
            flags: utf8 | if file.is_some() { BEHIND } else { 0 },
            method: if file.is_some() { DEFLATED } else { 0 },
            stamp: stamp(item.modified),
            modified: i32::try_from(item.modified).ok(),
            is_big: size > self.big,
            at: self.written,
            mode: kind | item.mode,
            sum: 0,
            packed: 0,
            size: 0,
        };
        self.put(&facts.local()?)?;
        if let Some(file) = file {
            let mut bytes = Exactly::new(file, size);
            self.pack(&mut bytes, &mut facts)?;
            self.put(&facts.behind())?;
        }
        facts.into_table(&mut self.table);
        self.entries += 1;
        Ok(())
    }

    /// The bytes of a file.
    fn pack(&mut self, bytes: &mut Exactly, facts: &mut Facts) -> io::Result<()> {
        let start = self.written;
        let mut hasher = Hasher::new();
        let is_compressed = is_compressed(&facts.name);
        loop {
            let read = bytes.read(&mut self.packer.input)?;
            hasher.update(&self.packer.input[..read]);
            facts.size += read as u64;
            let flush = match read {
                0 => FlushCompress::Finish,
                _ => FlushCompress::None,
            };
            if self.squeeze(read, flush, is_compressed)? {
                break;
            }
        }
        facts.sum = hasher.finalize();
        facts.packed = self.written - start;
        Ok(())
    }

    /// Compress so many bytes of the input; whether that was the end.
    fn squeeze(
        &mut self,
        read: usize,
        flush: FlushCompress,
        is_compressed: bool,
    ) -> io::Result<bool> {
        let packer = &mut self.packer;
        let compress = match is_compressed {
            true => &mut packer.store,
            false => &mut packer.squeeze,
        };
        let mut done = 0;
        loop {
            packer.output.clear();
            let before = compress.total_in();
            let status = compress
                .compress_vec(&packer.input[done..read], &mut packer.output, flush)
                .map_err(io::Error::other)?;
            // No more than the slice was long.
            done += (compress.total_in() - before) as usize;
            self.out.write_all(&packer.output)?;
            self.written += packer.output.len() as u64;
            if status == Status::StreamEnd {
                compress.reset();
                return Ok(true);
            }
            let has_room = packer.output.len() < packer.output.capacity();
            if flush == FlushCompress::None && done == read && has_room {
                return Ok(false);
            }
        }
    }

    fn finish(mut self) -> io::Result<()> {
        let at = self.written;
        for piece in std::mem::take(&mut self.table.0) {
            self.put(&piece)?;
        }
        let size = self.written - at;
        let is_big =
            at >= u64::from(SEE_EXTRA) || size >= u64::from(SEE_EXTRA) || self.entries >= 0xffff;
        if is_big {
            let mut end = Bytes::new(0x0606_4b50);
            end.u64(44).u16(MADE_BY).u16(45).u32(0).u32(0);
            end.u64(self.entries).u64(self.entries).u64(size).u64(at);
            end.u32(0x0706_4b50).u32(0).u64(at + size).u32(1);
            self.put(&end.0)?;
        }
        let entries = u16::try_from(self.entries).unwrap_or(u16::MAX);
        let mut end = Bytes::new(0x0605_4b50);
        end.u16(0).u16(0).u16(entries).u16(entries);
        end.u32(short(size)).u32(short(at)).u16(0);
        self.put(&end.0)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Unix, and the version of the format.
const MADE_BY: u16 = 3 << 8 | 63;

impl Facts {
    fn version(&self) -> u16 {
        if self.is_big { 45 } else { 20 }
    }

    /// The header before the file.
    fn local(&self) -> io::Result<Vec<u8>> {
        let mut extra = self.time();
        let mut sizes = 0;
        if self.is_big {
            // That there is such a field says that the sizes behind the file have 64 bits.
            extra.u16(1).u16(16).u64(0).u64(0);
            sizes = SEE_EXTRA;
        }
        let mut header = Bytes::new(0x0403_4b50);
        header.u16(self.version()).u16(self.flags).u16(self.method);
        header.u16(self.stamp[0]).u16(self.stamp[1]);
        header.u32(0).u32(sizes).u32(sizes);
        let too_long =
            |_| io::Error::new(io::ErrorKind::FileTooLarge, "a path is too long for ZIP");
        header.u16(u16::try_from(self.name.len()).map_err(too_long)?);
        header.u16(extra.0.len() as u16);
        header.0.extend_from_slice(&self.name);
        header.0.extend_from_slice(&extra.0);
        Ok(header.0)
    }

    /// What stands behind the file.
    fn behind(&self) -> Vec<u8> {
        let mut behind = Bytes::new(0x0807_4b50);
        behind.u32(self.sum);
        if self.is_big {
            behind.u64(self.packed).u64(self.size);
        } else {
            behind.u32(short(self.packed)).u32(short(self.size));
        }
        behind.0
    }

    /// Its line of the table.
    fn into_table(self, table: &mut Table) {
        let mut wide = Bytes(Vec::new());
        let (mut size, mut packed, at) = (short(self.size), short(self.packed), short(self.at));
        if self.is_big {
            wide.u64(self.size).u64(self.packed);
            (size, packed) = (SEE_EXTRA, SEE_EXTRA);
        }
        if at == SEE_EXTRA {
            wide.u64(self.at);
        }
        let mut extra = self.time();
        if !wide.0.is_empty() {
            extra.u16(1).u16(wide.0.len() as u16);
            extra.0.extend_from_slice(&wide.0);
        }
        let version = if wide.0.is_empty() { 20 } else { 45 };
        let mut line = Bytes::new(0x0201_4b50);
        line.u16(MADE_BY)
            .u16(version)
            .u16(self.flags)
            .u16(self.method);
        line.u16(self.stamp[0]).u16(self.stamp[1]);
        line.u32(self.sum).u32(packed).u32(size);
        // That the name fits was seen when the header was written.
        line.u16(self.name.len() as u16).u16(extra.0.len() as u16);
        line.u16(0).u16(0).u16(0);
        // Folders have a bit of DOS besides those of Unix.
        let is_folder = self.name.ends_with(b"/");
        line.u32(self.mode << 16 | if is_folder { 0x10 } else { 0 })
            .u32(at);
        table.add(&[&line.0, &self.name, &extra.0]);
    }

    /// The time in seconds, which has no time zone that readers could mistake ("UT" of Info-ZIP).
    fn time(&self) -> Bytes {
        let mut extra = Bytes(Vec::new());
        if let Some(seconds) = self.modified {
            extra.u16(0x5455).u16(5);
            extra.0.push(1);
            extra.u32(seconds.cast_unsigned());
        }
        extra
    }
}

/// Numbers in the order of bytes that ZIP has.
struct Bytes(Vec<u8>);

impl Bytes {
    fn new(signature: u32) -> Self {
        Self(signature.to_le_bytes().to_vec())
    }

    fn u16(&mut self, number: u16) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u32(&mut self, number: u32) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn u64(&mut self, number: u64) -> &mut Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(SEE_EXTRA)
}

/// A path as ZIP may have it: a backslash would part folders where the archive is unpacked on Windows.
fn name(path: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'\\' => name.extend_from_slice(b"%5C"),
            byte => name.push(byte),
        }
    }
    name
}

/// Time and date as DOS has them, from 1980 to 2107, in UTC.
fn stamp(seconds: i64) -> [u16; 2] {
    const FIRST: [u16; 2] = [0, 1 << 5 | 1];
    let Some((year, month, day, [hour, minute, second])) = date::parts_of(seconds) else {
        return FIRST;
    };
    if !(1980..2108).contains(&year) {
        return FIRST;
    }
    let time = hour << 11 | minute << 5 | (second / 2);
    let date = (year - 1980) << 9 | month << 5 | day;
    // Both fit by the range of years.
    [time as u16, date as u16]
}

fn is_compressed(name: &[u8]) -> bool {
    let ending = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let known = |it: &&str| ending.eq_ignore_ascii_case(it.as_bytes());
    ending.len() < name.len() && COMPRESSED.iter().any(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::archive::{Asker, Bounds};
    use crate::web::files::{Folder, Root, Rules};
    use crate::web::request::Request;

    #[test]
    fn times_are_those_of_dos() {
        assert_eq!(stamp(0), [0, 33]);
        // 2026-11-26 20:47:01
        assert_eq!(
            stamp(1_795_726_021),
            [20 << 11 | 47 << 5, 46 << 9 | 11 << 5 | 26]
        );
        assert_eq!(stamp(i64::MAX), [0, 33]);
    }

    #[test]
    fn others_read_what_is_big() {
        let Some(python) = sockeye_testkit::peers::python3() else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("a", "x".repeat(1000)),
            ("b", "y".repeat(30)),
            ("c.png", "z".repeat(99_999)),
        ] {
            std::fs::write(dir.path().join(name), content).unwrap();
        }
        let root = Root::new(dir.path(), Rules::default()).unwrap();
        let folder = Folder {
            file: root.open(b"").unwrap(),
            path: Vec::new(),
            root,
        };
        let bounds = Bounds {
            bytes: None,
            entries: 10,
            depth: 1,
        };
        let walk = Walk::new(folder, bounds, false, Asker::new(Request::made("GET", "/"))).unwrap();
        let mut made = Vec::new();
        write_with(walk, &mut made, 100).unwrap();
        let path = dir.path().join(".zip");
        std::fs::write(&path, made).unwrap();
        let list = "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); \
                    print(z.testzip(), [(i.filename, i.file_size, i.extract_version) for i in z.infolist()])";
        let path = path.to_str().unwrap();
        let output = sockeye_testkit::Program::start(python, ["-c", list, path]).wait();
        let listed = "None [('a', 1000, 45), ('b', 30, 20), ('c.png', 99999, 45)]\n";
        assert_eq!(output.stdout_text(), listed, "{}", output.stderr_text());
    }

    #[test]
    fn names_part_folders_by_slashes_only() {
        assert_eq!(name(br"..\..\x/y"), b"..%5C..%5Cx/y");
        assert!(is_compressed(b"a/B.JPG") && !is_compressed(b"zip") && !is_compressed(b"a.txt"));
    }
}
