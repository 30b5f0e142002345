use std::io::Write;

use flate2::Compression;
use proptest::prelude::*;
use sockeye_testkit::pattern;

use super::*;

fn headers(codings: &str) -> Headers {
    let mut headers = Headers::new();
    headers.append("Content-Encoding", codings).unwrap();
    headers
}

fn decoder(codings: &str, decoding: &Decoding) -> Box<Decoder> {
    match Plan::new(200, &headers(codings), decoding).unwrap() {
        Plan::Undo(decoder) => decoder,
        Plan::Plain => panic!("{codings} is plain"),
        Plan::Left(why) => panic!("{why}"),
    }
}

/// All that comes out, fed in pieces of this size; no piece is larger than said.
fn undo_with(codings: &str, encoded: &[u8], cut: usize, decoding: &Decoding) -> Result<Vec<u8>> {
    let mut decoder = decoder(codings, decoding);
    let mut cuts = encoded.chunks(cut.max(1));
    let mut out = Vec::new();
    loop {
        match decoder.take()? {
            Taken::Piece(bytes) => {
                assert!((1..=PIECE).contains(&bytes.len()));
                out.extend_from_slice(&bytes);
            }
            Taken::Over => return Ok(out),
            Taken::Hungry => match cuts.next() {
                Some(bytes) => decoder.push(Bytes::copy_from_slice(bytes)),
                None => decoder.end(),
            },
        }
    }
}

fn undo(codings: &str, encoded: &[u8], cut: usize) -> Result<Vec<u8>> {
    undo_with(codings, encoded, cut, &Decoding::default())
}

fn encode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    let level = Compression::default();
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "raw" => {
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut encoder = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 1, 22);
            encoder.write_all(bytes).unwrap();
            encoder.into_inner()
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        other => panic!("{other}"),
    }
}

/// Something with long runs and something without.
fn plain() -> Vec<u8> {
    let mut plain = pattern(3, 50_000);
    plain.extend_from_slice(&"all work and no play ".repeat(20_000).into_bytes());
    plain
}

#[test]
fn each_coding_is_undone_wherever_the_body_is_cut() {
    let plain = plain();
    for (name, coding) in [
        ("gzip", "gzip"),
        ("X-GZIP", "gzip"),
        ("deflate", "deflate"),
        ("deflate", "raw"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("identity, gzip", "gzip"),
    ] {
        let encoded = encode(coding, &plain);
        for cut in [1, 7, 4096, usize::MAX] {
            let decoded = undo(name, &encoded, cut).unwrap();
            assert!(decoded == plain, "{coding} in pieces of {cut}");
        }
        assert_eq!(
            undo(name, &encode(coding, b""), 1).unwrap(),
            b"",
            "{coding}"
        );
        assert_eq!(
            undo(name, &encode(coding, b"x"), 1).unwrap(),
            b"x",
            "{coding}"
        );
        // Servers say so of bodies of no bytes, too.
        assert_eq!(undo(name, b"", 1).unwrap(), b"");
    }
}

#[test]
fn stacked_codings_are_undone_in_reverse_and_more_than_five_are_refused() {
    let plain = plain();
    let stacked = encode("zstd", &encode("br", &encode("gzip", &plain)));
    assert!(undo("gzip, br,zstd", &stacked, 1000).unwrap() == plain);
    let five = (0..5).fold(plain.clone(), |bytes, _| encode("gzip", &bytes));
    assert!(undo("gzip, gzip, gzip, gzip, gzip", &five, 1000).unwrap() == plain);
    let six = headers("gzip, gzip, gzip, identity, gzip, gzip");
    let error = Plan::new(200, &six, &Decoding::default()).err().unwrap();
    assert_eq!(error.kind(), Kind::Protocol);
}

#[test]
fn members_and_frames_follow_each_other() {
    let both = [encode("gzip", b"one "), encode("gzip", b"two")].concat();
    for cut in [1, 1000] {
        assert_eq!(undo("gzip", &both, cut).unwrap(), b"one two");
        let padded = [&*both, &[0; 600]].concat();
        assert_eq!(undo("gzip", &padded, cut).unwrap(), b"one two");
        let both = [encode("zstd", b"one "), encode("zstd", b"two")].concat();
        assert_eq!(undo("zstd", &both, cut).unwrap(), b"one two");
    }
}

#[test]
fn a_coding_that_is_cut_off_or_broken_says_so() {
    let plain = plain();
    for (name, coding) in [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("deflate", "raw"),
        ("br", "br"),
        ("zstd", "zstd"),
    ] {
        let encoded = encode(coding, &plain);
        for end in [1, 5, encoded.len() / 2, encoded.len() - 1] {
            let error = undo(name, &encoded[..end], 100).unwrap_err().to_string();
            let expected = format!("the body ends in the middle of its {name} coding");
            assert_eq!(error, expected, "{coding} up to {end}");
        }
        let behind = [&*encoded, b"junk behind it"].concat();
        let error = undo(name, &behind, 100).unwrap_err().to_string();
        assert!(
            error.contains(&format!("the {name} coding of the body is broken")),
            "{error}"
        );
    }
    for name in ["gzip", "deflate", "zstd"] {
        let error = undo(name, b"<html>not encoded at all</html>", 100).unwrap_err();
        assert!(error.to_string().contains("is broken"), "{name}: {error}");
    }
    let mut wrong_sum = encode("gzip", b"hello");
    let end = wrong_sum.len() - 6;
    wrong_sum[end] ^= 1;
    assert!(undo("gzip", &wrong_sum, 100).is_err());
}

#[test]
fn bombs_are_stopped_by_their_ratio_and_by_their_size() {
    // 1 MiB of zeros, whose gzip is a thousandth of that.
    let zeros = vec![0; 1 << 20];
    let ratio = Decoding::default().free(100 << 10);
    for coding in ["gzip", "br", "zstd"] {
        let bomb = encode(coding, &zeros);
        let error = undo_with(coding, &bomb, 100, &ratio).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("more than 250 times"), "{coding}: {said}");
        let size = Decoding::default().max_size(256 << 10);
        let error = undo_with(coding, &bomb, 4096, &size).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("more than 262144 bytes"), "{coding}: {said}");
        // Less than 16 MiB harm nobody.
        assert!(undo(coding, &bomb, 4096).unwrap() == zeros, "{coding}");
    }
    // A bomb inside of another: what counts is every layer, though little comes out at last.
    let many = vec![b'x'; 1_200_000];
    let stacked = encode("gzip", &encode("gzip", &many));
    let error = undo_with("gzip, gzip", &stacked, 4096, &ratio).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("more than 250 times"), "{said}");
}

#[test]
fn windows_are_bounded() {
    // A frame that wants a window of 128 MiB, and a brotli stream with the large windows that RFC 7932 does not have.
    let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(&pattern(1, 1 << 20)).unwrap();
    let error = undo("zstd", &encoder.finish().unwrap(), 4096)
        .unwrap_err()
        .to_string();
    assert!(error.contains("memory"), "{error}");
    assert!(undo("br", &[0x11, 0x1e, 0, 0, 0, 0], 100).is_err());
}

#[test]
fn what_is_unknown_or_a_part_is_left_as_it_is() {
    for (status, codings) in [(200, "compress"), (200, "gzip, aws-chunked"), (206, "gzip")] {
        let plan = Plan::new(status, &headers(codings), &Decoding::default()).unwrap();
        assert!(matches!(plan, Plan::Left(_)), "{codings}");
    }
    for codings in ["identity", "", " , "] {
        let plan = Plan::new(200, &headers(codings), &Decoding::default()).unwrap();
        assert!(matches!(plan, Plan::Plain), "{codings}");
    }
    let plan = Plan::new(200, &headers("gzip"), &Decoding::off()).unwrap();
    assert!(matches!(plan, Plan::Plain));
}

proptest! {
    #[test]
    fn no_cut_of_any_bytes_changes_what_they_mean(
        start in 0..5_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in 1..20_usize,
        codings in proptest::sample::select(vec!["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, gzip"]),
    ) {
        // The first bytes are those of something, so that it does not end with them.
        let first: &[u8] = [&b""[..], b"\x1f\x8b\x08\0\0\0\0\0\0\x03", b"\x78\x9c", b"\x28\xb5\x2f\xfd", b"\x0b"][start];
        let body = [first, &bytes].concat();
        let limits = Decoding::default().max_size(4 << 20);
        let whole = undo_with(codings, &body, body.len(), &limits).map_err(|error| error.to_string());
        let cut = undo_with(codings, &body, cut, &limits).map_err(|error| error.to_string());
        prop_assert_eq!(whole.is_ok(), cut.is_ok());
        if whole.is_ok() {
            prop_assert_eq!(whole, cut);
        }
    }
}
