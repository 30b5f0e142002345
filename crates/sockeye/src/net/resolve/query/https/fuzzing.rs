//! An entrance for a fuzz target. Not for programs.

use super::http1::Answer;

/// Read these bytes as an answer over HTTP/1.1, whole and cut at every `cut` bytes: both ways it means the same.
pub fn http1_answer(cut: usize, bytes: &[u8]) {
    let read = |piece: usize| {
        let mut answer = Answer::default();
        for bytes in bytes.chunks(piece.max(1)).chain([&[][..]]) {
            match answer.take(bytes) {
                Ok(None) => {}
                Ok(Some((head, body))) => return Some((head, body)),
                Err(_) => return None,
            }
        }
        None
    };
    assert_eq!(read(cut), read(bytes.len()));
}
