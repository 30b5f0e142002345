//! Lines of a reader, of whatever length: what programs and pipes say, as messages.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Reads lines; one that is longer than allowed comes in pieces, so that nothing is lost and nothing piles up.
pub(super) struct Lines<R> {
    reader: R,
    buffer: BytesMut,
    /// Bytes of the buffer that hold no line break.
    searched: usize,
    longest: usize,
    over: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(super) fn new(reader: R, longest: usize) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
            searched: 0,
            longest: longest.max(1),
            over: false,
        }
    }

    /// The next line without its line break; `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a line is returned or comes the next time.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            if self.over {
                self.searched = 0;
                let rest = self.buffer.split().freeze();
                return Ok((!rest.is_empty()).then_some(rest));
            }
            self.buffer.reserve(4096);
            self.over = self.reader.read_buf(&mut self.buffer).await? == 0;
        }
    }

    fn take(&mut self) -> Option<Bytes> {
        let found = self.buffer[self.searched..]
            .iter()
            .position(|&byte| byte == b'\n');
        let end = found.map(|at| self.searched + at);
        match end {
            Some(end) if end <= self.longest => {
                let mut line = self.buffer.split_to(end + 1);
                line.truncate(end);
                if line.last() == Some(&b'\r') {
                    line.truncate(end - 1);
                }
                self.searched = 0;
                Some(line.freeze())
            }
            _ if self.buffer.len() > self.longest => {
                self.searched = 0;
                Some(self.buffer.split_to(self.longest).freeze())
            }
            _ => {
                self.searched = self.buffer.len();
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    async fn all(input: &[u8], longest: usize) -> Vec<Bytes> {
        let mut lines = Lines::new(input, longest);
        let mut found = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            found.push(line);
        }
        found
    }

    #[tokio::test]
    async fn lines_end_at_line_breaks_and_at_the_bound() {
        assert_eq!(all(b"a\r\n\nb", 9).await, [&b"a"[..], b"", b"b"]);
        assert_eq!(
            all(b"abcdefg\nh\n", 3).await,
            [&b"abc"[..], b"def", b"g", b"h"]
        );
        assert_eq!(all(b"abc\nd", 3).await, [&b"abc"[..], b"d"]);
        assert_eq!(all(b"", 3).await, [&b""[..]; 0]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(input in "[ab\n]{0,40}", longest in 1_usize..9) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let lines = runtime.block_on(all(input.as_bytes(), longest));
            prop_assert!(lines.iter().all(|line| line.len() <= longest));
            let joined: Vec<u8> = lines.concat();
            prop_assert_eq!(joined, input.replace('\n', "").into_bytes());
        }
    }
}
