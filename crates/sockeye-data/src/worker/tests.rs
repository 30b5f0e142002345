use proptest::prelude::*;

use super::*;

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let began = begin_frame(kind, &mut out);
    out.extend_from_slice(payload);
    end_frame(began, &mut out);
    out
}

fn answer(head: &[u8], pieces: &[&[u8]]) -> Vec<u8> {
    let mut all = frame(b'H', head);
    for piece in pieces {
        all.extend(frame(b'D', piece));
    }
    all.extend(frame(b'E', b""));
    all
}

/// Everything that is read of these bytes if they come in pieces of this size.
fn read(bytes: &[u8], piece: usize) -> Result<(Option<Head>, Vec<u8>, bool), WorkerError> {
    let mut decoder = Decoder::new(1000);
    let (mut head, mut data, mut over) = (None, Vec::new(), false);
    let mut waiting = Vec::new();
    for part in bytes.chunks(piece.max(1)) {
        waiting.extend_from_slice(part);
        while let Some((said, used)) = decoder.decode(&waiting)? {
            match said {
                Said::Head(it) => head = Some(it),
                Said::Data(it) => data.extend_from_slice(it),
                Said::Wants => {}
                Said::End => over = true,
            }
            waiting.drain(..used);
        }
    }
    Ok((head, data, over))
}

#[test]
fn answers_are_read_however_they_are_cut() {
    let bytes = answer(
        b"201 Created\0Content-Length\x005\0X\0y\xff\0Connection\0close",
        &[b"he", b"", b"llo"],
    );
    for piece in 1..=bytes.len() {
        let (head, data, over) = read(&bytes, piece).unwrap();
        let head = head.unwrap();
        assert_eq!(
            (head.status, head.length, head.headers.len()),
            (201, Some(5), 1)
        );
        assert_eq!((data.as_slice(), over), (&b"hello"[..], true));
    }
}

#[test]
fn what_workers_may_not_say() {
    let error = |bytes: &[u8]| read(bytes, bytes.len()).unwrap_err().to_string();
    assert_eq!(
        error(&frame(b'D', b"x")),
        "a frame `D` of 1 bytes where there may be none"
    );
    assert_eq!(error(&frame(b'H', b"20")), "`20` is no status");
    assert_eq!(
        error(&frame(b'H', b"100 Continue")),
        "`100 Continue` is no status"
    );
    assert_eq!(
        error(&frame(b'H', b"200 OK\0a")),
        "a header without a value"
    );
    assert!(error(&frame(b'H', b"200 OK\0a\0b\r\nc: d")).contains("a line break"));
    assert_eq!(
        error(&frame(b'H', &[b'a'; 1001])),
        "the head of the answer is too large"
    );
    let mut twice = answer(b"200", &[]);
    twice.extend(frame(b'H', b"200"));
    assert_eq!(
        error(&twice),
        "a frame `H` of 3 bytes where there may be none"
    );
}

proptest! {
    #[test]
    fn no_cut_changes_an_answer(pieces: Vec<Vec<u8>>, size in 1_usize..20) {
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let bytes = answer(b"200 OK", &pieces);
        let (head, data, over) = read(&bytes, size).unwrap();
        prop_assert_eq!(head.unwrap().status, 200);
        prop_assert_eq!(data, pieces.concat());
        prop_assert!(over);
    }

    #[test]
    fn no_bytes_panic(bytes: Vec<u8>, piece in 1_usize..9) {
        let whole = read(&bytes, bytes.len());
        prop_assert_eq!(read(&bytes, piece), whole);
    }
}
