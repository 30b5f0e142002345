//! tar as POSIX.1-2017 has it (pax): a ustar header for each entry, and records before it for what does not fit in there.

use std::io::{self, Write};

use super::walk::{Exactly, Item, Walk, What};

const BLOCK: usize = 512;
/// What a field of eleven octal digits holds.
const OCTAL: u64 = 0o777_7777_7777;

/// Write all of it, and the end.
pub(super) fn write(walk: Walk, out: &mut impl Write) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    for item in walk {
        let item = item?;
        let (kind, size, link) = match &item.what {
            What::Folder => (b'5', 0, &[][..]),
            What::File(_, size) => (b'0', *size, &[][..]),
            What::Link(target) => (b'2', 0, &target[..]),
        };
        let records = records(&item, size, link);
        if !records.is_empty() {
            let length = records.len() as u64;
            out.write_all(&header(b"././@PaxHeader", b'x', length, 0o644, 0, b""))?;
            out.write_all(&records)?;
            pad(length, out)?;
        }
        let modified = u64::try_from(item.modified).unwrap_or(0);
        out.write_all(&header(&item.path, kind, size, item.mode, modified, link))?;
        if let What::File(file, size) = item.what {
            let mut bytes = Exactly::new(file, size);
            loop {
                match bytes.read(&mut buffer)? {
                    0 => break,
                    read => out.write_all(&buffer[..read])?,
                }
            }
            pad(size, out)?;
        }
    }
    out.write_all(&[0; 2 * BLOCK])
}

/// What the header cannot hold.
fn records(item: &Item, size: u64, link: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    let (long_path, long_link) = (item.path.len() > 100, link.len() > 100);
    let is_text = |bytes| std::str::from_utf8(bytes).is_ok();
    if (long_path && !is_text(&item.path)) || (long_link && !is_text(link)) {
        record(&mut records, "hdrcharset", b"BINARY");
    }
    if long_path {
        record(&mut records, "path", &item.path);
    }
    if long_link {
        record(&mut records, "linkpath", link);
    }
    if size > OCTAL {
        record(&mut records, "size", size.to_string().as_bytes());
    }
    if !u64::try_from(item.modified).is_ok_and(|seconds| seconds <= OCTAL) {
        record(&mut records, "mtime", item.modified.to_string().as_bytes());
    }
    records
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

fn header(path: &[u8], kind: u8, size: u64, mode: u32, modified: u64, link: &[u8]) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, most: usize, bytes: &[u8]| {
        let length = bytes.len().min(most);
        header[at..at + length].copy_from_slice(&bytes[..length]);
    };
    let long = |number: u64| format!("{:011o}\0", if number > OCTAL { 0 } else { number });
    put(0, 100, path);
    put(100, 8, format!("{mode:07o}\0").as_bytes());
    // Whose it is here is nobody's business there.
    put(108, 8, b"0000000\0");
    put(116, 8, b"0000000\0");
    put(124, 12, long(size).as_bytes());
    put(136, 12, long(modified).as_bytes());
    put(148, 8, b"        ");
    put(156, 1, &[kind]);
    put(157, 100, link);
    put(257, 8, b"ustar\x0000");
    put(329, 8, b"0000000\0");
    put(337, 8, b"0000000\0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

fn pad(size: u64, out: &mut impl Write) -> io::Result<()> {
    // The remainder is below 512.
    let over = (size % BLOCK as u64) as usize;
    match over {
        0 => Ok(()),
        over => out.write_all(&[0; BLOCK][over..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        for length in 0..2000 {
            let mut records = Vec::new();
            record(&mut records, "path", &vec![b'x'; length]);
            let said = records.split(|byte| *byte == b' ').next().unwrap();
            assert_eq!(
                std::str::from_utf8(said).unwrap(),
                records.len().to_string()
            );
        }
    }

    #[test]
    fn a_header_fits_whatever_stands_in_it() {
        let header = header(&[b'x'; 300], b'0', u64::MAX, 0o777, u64::MAX, &[b'y'; 300]);
        assert_eq!(&header[124..136], b"00000000000\0");
        assert_eq!(&header[257..265], b"ustar\x0000");
    }
}
