//! Parts of a file: which ones a request gets, and several of them as one body (RFC 9110 section 14).

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use sockeye_data::fields::{ByteRange, ContentRange, RangeRequest};

use super::super::body::{Body, BodyError, Chunks, FilePart};
use super::content::Content;

/// How much of a file is one chunk.
const CHUNK: usize = 64 << 10;

/// What is sent of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All of it.
    Whole,
    /// From the first byte to the last, both included: one part, or several.
    Parts(Vec<(u64, u64)>),
    /// Nothing of what was asked for is there.
    Nothing,
}

/// What a `Range` selects of so many bytes. More than `limit` parts, other units and what cannot be read mean all of it;
/// parts that touch or overlap become one.
pub(super) fn select(range: &[u8], length: u64, limit: usize) -> Selection {
    let Some(RangeRequest(asked)) = RangeRequest::parse(range, limit) else {
        return Selection::Whole;
    };
    // Clients that ask for the first so many bytes of everything get all of an empty file.
    if length == 0 {
        return Selection::Whole;
    }
    let mut parts: Vec<(u64, u64)> = asked
        .into_iter()
        .filter_map(|part: ByteRange| part.within(length))
        .collect();
    if parts.is_empty() {
        return Selection::Nothing;
    }
    let mut sorted = parts.clone();
    sorted.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match merged.last_mut() {
            Some(before) if first <= before.1.saturating_add(1) => before.1 = before.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    // Without anything to merge they stay in the order that the client wants them in.
    if merged.len() < parts.len() {
        parts = merged;
    }
    Selection::Parts(parts)
}

/// Several parts as one body, and its media type.
pub(super) fn multipart(
    content: &Content,
    parts: &[(u64, u64)],
    media_type: &str,
    whole: u64,
) -> (Body, String) {
    let boundary = boundary();
    let mut pieces = VecDeque::with_capacity(2 * parts.len() + 1);
    let mut length = 0;
    let mut add = |piece: Piece, bytes: u64| {
        length += bytes;
        pieces.push_back(piece);
    };
    for (index, (first, last)) in parts.iter().enumerate() {
        let line = if index == 0 { "" } else { "\r\n" };
        let range = ContentRange::Part(*first, *last, Some(whole));
        let head = format!(
            "{line}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Range: {range}\r\n\r\n"
        );
        add(Piece::Bytes(head.clone().into()), head.len() as u64);
        let bytes = last - first + 1;
        add(
            match content {
                Content::Memory(all) => Piece::Bytes(slice(all, *first, bytes)),
                Content::File(file) => Piece::File(FilePart {
                    file: file.clone(),
                    at: *first,
                    length: bytes,
                }),
            },
            bytes,
        );
    }
    let tail = format!("\r\n--{boundary}--\r\n");
    add(Piece::Bytes(tail.clone().into()), tail.len() as u64);
    let body = Body::chunks(Pieces(pieces), Some(length));
    (body, format!("multipart/byteranges; boundary={boundary}"))
}

/// This many bytes from there on; what is not there is left out.
pub(super) fn slice(all: &Bytes, at: u64, length: u64) -> Bytes {
    let place = |byte: u64| usize::try_from(byte).map_or(all.len(), |byte| byte.min(all.len()));
    all.slice(place(at)..place(at.saturating_add(length)))
}

/// What no file has a line of, but by a chance of one in 2^128.
fn boundary() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// What a body of several parts is made of.
enum Piece {
    Bytes(Bytes),
    File(FilePart),
}

struct Pieces(VecDeque<Piece>);

impl Chunks for Pieces {
    fn poll_chunk(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let next = match self.0.front_mut() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => Ok(Some(std::mem::take(bytes))),
                Some(Piece::File(part)) => part.read(CHUNK),
            };
            match next {
                Ok(Some(bytes)) if !bytes.is_empty() => return Poll::Ready(Some(Ok(bytes))),
                Ok(_) => {
                    self.0.pop_front();
                }
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_cut_merged_and_bounded() {
        let parts = |parts: &[(u64, u64)]| Selection::Parts(parts.to_vec());
        for (range, selection) in [
            ("bytes=0-0", parts(&[(0, 0)])),
            ("bytes=5-", parts(&[(5, 9)])),
            ("bytes=-3", parts(&[(7, 9)])),
            ("bytes=0-99", parts(&[(0, 9)])),
            ("bytes=8-9,0-1", parts(&[(8, 9), (0, 1)])),
            ("bytes=8-9,0-1,2-3", parts(&[(0, 3), (8, 9)])),
            ("bytes=0-5,2-3", parts(&[(0, 5)])),
            ("bytes=0-1,20-30", parts(&[(0, 1)])),
            ("bytes=10-", Selection::Nothing),
            ("bytes=-0", Selection::Nothing),
            ("bytes=5-4", Selection::Whole),
            ("lines=1-2", Selection::Whole),
            ("bytes=0-0,2-2,4-4,6-6", Selection::Whole),
        ] {
            assert_eq!(select(range.as_bytes(), 10, 3), selection, "{range}");
        }
        assert_eq!(select(b"bytes=0-", 0, 3), Selection::Whole);
    }

    proptest! {
        #[test]
        fn any_range_selects_what_slicing_would(
            asked in proptest::collection::vec((0..40u64, 0..40u64, 0..3u8), 1..6),
            length in 0..32u64,
        ) {
            let list: Vec<String> = asked.iter().map(|(a, b, kind)| match kind {
                0 => format!("{a}-"),
                1 => format!("-{a}"),
                _ => format!("{}-{}", a.min(b), a.max(b)),
            }).collect();
            let mut wanted = vec![false; length as usize];
            for (a, b, kind) in &asked {
                let (first, last) = match kind {
                    0 => (*a, u64::MAX),
                    1 => (length.saturating_sub(*a), u64::MAX),
                    _ => (*a.min(b), *a.max(b)),
                };
                for (at, is_wanted) in wanted.iter_mut().enumerate() {
                    *is_wanted |= (first..=last).contains(&(at as u64));
                }
            }
            let header = format!("bytes={}", list.join(", "));
            let selected = match select(header.as_bytes(), length, 16) {
                Selection::Whole => { prop_assert_eq!(length, 0); return Ok(()); }
                Selection::Nothing => Vec::new(),
                Selection::Parts(parts) => parts,
            };
            let mut sent = vec![0; length as usize];
            for (first, last) in selected {
                for at in first..=last {
                    sent[at as usize] += 1;
                }
            }
            // Every byte that is wanted is sent once, and no other.
            let once: Vec<u8> = wanted.into_iter().map(u8::from).collect();
            prop_assert_eq!(sent, once);
        }

        #[test]
        fn no_range_header_does_harm(range: Vec<u8>, length: u64) {
            if let Selection::Parts(parts) = select(&range, length, 16) {
                for (first, last) in parts {
                    prop_assert!(first <= last && last < length);
                }
            }
        }
    }
}
