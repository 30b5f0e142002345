#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};

use proptest::prelude::*;

use super::*;
use crate::record::{Error, ErrorKind, Limits};

fn pack(compression: Compression, plain: &[u8]) -> Vec<u8> {
    let mut writer = writer(compression, None, Vec::new()).unwrap();
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}

fn unpack_within(
    compression: Compression,
    packed: &[u8],
    limits: &Limits,
) -> (Vec<u8>, Option<Error>) {
    let mut plain = Vec::new();
    let mut reader = reader(compression, packed, limits);
    let error = reader.read_to_end(&mut plain).err();
    if error.is_some() {
        // It stays so.
        assert!(reader.read(&mut [0; 8]).is_err());
    }
    (plain, error.map(|error| Error::io("test", &error)))
}

fn unpack(compression: Compression, packed: &[u8]) -> (Vec<u8>, Option<Error>) {
    unpack_within(compression, packed, &Limits::default())
}

/// Bytes that do not compress to nothing.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x5eed_u64;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
            (state >> 60) as u8 + b'a'
        })
        .collect()
}

fn written() -> impl Iterator<Item = Compression> {
    Compression::all().filter(|it| writer(*it, None, Vec::new()).is_ok())
}

#[test]
fn names_and_endings_lead_to_compressions() {
    for compression in Compression::all() {
        assert_eq!(compression.name().parse(), Ok(compression));
    }
    assert_eq!("BR".parse(), Ok(Compression::Brotli));
    assert!("rar".parse::<Compression>().is_err());
    assert_eq!(Compression::from_file_name("a.csv"), None);
}

#[test]
fn first_bytes_tell_the_compression() {
    for compression in written() {
        let known = recognise(&pack(compression, &noise(100)));
        let wanted = match compression {
            Compression::Brotli | Compression::DeflateRaw => None,
            other => Some(other),
        };
        assert_eq!(known, wanted);
    }
    assert_eq!(
        recognise(b"\x50\x2a\x4d\x18\0\0\0\0"),
        Some(Compression::Zstd)
    );
    for text in [
        "",
        "x",
        "x^",
        "x^2 + y^2",
        "{}",
        "xml,",
        "BZh9 is no archive",
    ] {
        assert_eq!(recognise(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn deflate_is_read_with_and_without_its_header() {
    for packed in [
        pack(Compression::Deflate, b"salmon"),
        pack(Compression::DeflateRaw, b"salmon"),
    ] {
        let (plain, error) = unpack(Compression::Deflate, &packed);
        assert_eq!((plain.as_slice(), error.is_none()), (&b"salmon"[..], true));
    }
}

#[test]
fn members_and_frames_follow_each_other() {
    let skipped = b"\x51\x2a\x4d\x18\x03\0\0\0abc";
    for (compression, between) in [
        (Compression::Gzip, &b""[..]),
        (Compression::Zstd, b""),
        (Compression::Zstd, skipped),
    ] {
        let (one, two) = (pack(compression, b"red "), pack(compression, b"salmon"));
        let packed = [&one[..], between, &two, &pack(compression, b"")].concat();
        let (plain, error) = unpack(compression, &packed);
        assert_eq!(plain, b"red salmon", "{error:?}");
        assert!(error.is_none(), "{error:?}");
    }
    assert!(unpack(Compression::Zstd, skipped).1.is_none());
}

#[test]
fn bytes_behind_the_end_are_named_and_the_data_is_kept() {
    for compression in written() {
        let packed = pack(compression, b"salmon");
        for garbage in [
            &b"x"[..],
            b"garbage",
            b"\0\0x",
            b"\x1f\x8c",
            b"\x28\xb5\x2f\xfe",
        ] {
            let (plain, error) = unpack(compression, &[&packed, garbage].concat());
            assert_eq!(plain, b"salmon", "{compression}");
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Syntax, "{error}");
            assert_eq!(
                error.position().unwrap().byte,
                packed.len() as u64,
                "{error}"
            );
        }
    }
}

#[test]
fn zeros_behind_gzip_are_padding() {
    let packed = [pack(Compression::Gzip, b"salmon"), vec![0; 300_000]].concat();
    let (plain, error) = unpack(Compression::Gzip, &packed);
    assert_eq!((plain.as_slice(), error.is_none()), (&b"salmon"[..], true));
}

#[test]
fn a_wrong_sum_is_told_after_the_data() {
    let plain = noise(300_000);
    for compression in [Compression::Gzip, Compression::Deflate, Compression::Zstd] {
        let mut packed = pack(compression, &plain);
        let place = packed.len()
            - if compression == Compression::Gzip {
                5
            } else {
                1
            };
        packed[place] ^= 1;
        let (got, error) = unpack(compression, &packed);
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Syntax);
        assert!(error.to_string().contains("sum"), "{error}");
        // zstd sees its sum together with the last block.
        let lost = if compression == Compression::Zstd {
            128 << 10
        } else {
            0
        };
        assert!(
            got.len() + lost >= plain.len(),
            "{compression}: {}",
            got.len()
        );
        assert_eq!(got, plain[..got.len()]);
    }
}

#[test]
fn a_cut_input_is_told_after_the_data() {
    let plain = noise(50_000);
    for compression in written() {
        let packed = pack(compression, &plain);
        for length in [0, 1, 5, 11, packed.len() / 2, packed.len() - 1] {
            let (got, error) = unpack(compression, &packed[..length]);
            let error = error.unwrap();
            assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
            assert_eq!(error.position().unwrap().byte, length as u64, "{error}");
            assert_eq!(got, plain[..got.len()]);
        }
    }
}

#[test]
fn what_is_something_else_is_refused() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let (got, error) = unpack(
            compression,
            b"{\"plain\": true, \"long\": \"enough for all\"}",
        );
        assert_eq!(got, b"");
        let error = error.unwrap();
        assert_eq!(
            error.to_string(),
            format!("{compression}: this does not begin as {compression} does at byte 0")
        );
    }
}

#[test]
fn a_bomb_stops_at_the_ratio() {
    let limits = Limits {
        ratio: 20,
        ..Limits::default()
    };
    for compression in written() {
        let packed = pack(compression, &vec![0; 18 << 20]);
        let (got, error) = unpack_within(compression, &packed, &limits);
        let error = error.unwrap();
        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
        assert!(error.hint().is_some());
        assert!(got.len() as u64 <= GRACE + (1 << 20), "{}", got.len());
    }
}

#[test]
fn the_total_is_bounded_to_the_byte() {
    for compression in written() {
        let packed = pack(compression, &noise(10_000));
        for (inflated, is_refused) in [(9_999, true), (10_000, false), (0, true)] {
            let limits = Limits {
                inflated,
                ..Limits::default()
            };
            let (got, error) = unpack_within(compression, &packed, &limits);
            assert_eq!(got.len() as u64, inflated, "{compression}");
            assert_eq!(
                error.map(|it| it.kind()),
                is_refused.then_some(ErrorKind::Limit)
            );
        }
    }
}

#[test]
fn levels_are_checked() {
    for compression in written() {
        let (range, default) = levels(compression);
        assert!(range.contains(&default));
        for level in [*range.start(), *range.end()] {
            let mut writer = writer(compression, Some(level), Vec::new()).unwrap();
            writer.write_all(b"salmon").unwrap();
            assert_eq!(unpack(compression, &writer.finish().unwrap()).0, b"salmon");
        }
        assert!(writer(compression, Some(23), Vec::new()).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_packed_comes_back_however_it_is_cut(plain: Vec<u8>, cuts in proptest::collection::vec(1_usize..9, 0..64)) {
        struct Pieces<'a>(&'a [u8], std::slice::Iter<'a, usize>);
        impl Read for Pieces<'_> {
            fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
                let count = self.1.next().copied().unwrap_or(4096).min(out.len()).min(self.0.len());
                out[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        for compression in written() {
            let packed = pack(compression, &plain);
            let mut got = Vec::new();
            let mut reader = reader(compression, Pieces(&packed, cuts.iter()), &Limits::default());
            let mut piece = [0; 7];
            loop {
                match reader.read(&mut piece).unwrap() {
                    0 => break,
                    count => got.extend_from_slice(&piece[..count]),
                }
            }
            prop_assert_eq!(&got, &plain);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        for compression in Compression::all() {
            let _ = unpack(compression, &bytes);
        }
        let _ = recognise(&bytes);
    }
}
