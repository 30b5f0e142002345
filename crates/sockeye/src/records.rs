//! Records of asynchronous bytes: the readers of [`data`](crate::data) are plain functions over [`std::io::Read`]; here they run on a
//! thread that may block, and what they yield is awaited.
//!
//! ```
//! use sockeye::data::json;
//! use sockeye::records::Records;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let bytes = &b"{\"a\":1}\n{\"a\":2}\n"[..];
//! let mut records = Records::new(bytes, |bytes| json::Reader::new(bytes, &json::ReadOptions::default()));
//! let mut sum = 0;
//! while let Some(record) = records.next().await {
//!     sum += record.unwrap().get("a").and_then(|a| a.as_i64()).unwrap();
//! }
//! assert_eq!(sum, 3);
//! # }
//! ```

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::mpsc;

use crate::data::record::{Error, ReadRecords};
use crate::data::value::Value;

/// Bytes that are read at once.
const BLOCK: usize = 64 << 10;
/// So many blocks wait at most for the reader.
const BLOCKS: usize = 2;
/// So many records wait at most for whoever wants them.
const RECORDS: usize = 64;

/// Records as they come.
#[derive(Debug)]
pub struct Records {
    receiver: mpsc::Receiver<Result<Value, Error>>,
}

impl Records {
    /// Read `bytes` with the reader that `open` makes for them. Has to be called within a runtime of tokio.
    ///
    /// A few records and 192 KiB of bytes are read ahead at most. Dropping the value ends both the reading and the thread; bytes that
    /// were read ahead are lost with it.
    pub fn new<R: ReadRecords>(
        bytes: impl AsyncRead + Send + Unpin + 'static,
        open: impl FnOnce(Blocks) -> R + Send + 'static,
    ) -> Self {
        let (blocks, taken) = mpsc::channel(BLOCKS);
        tokio::spawn(pump(bytes, blocks));
        let (sender, receiver) = mpsc::channel(RECORDS);
        tokio::task::spawn_blocking(move || {
            let mut reader = open(Blocks {
                taken,
                block: Vec::new(),
                from: 0,
            });
            while let Some(record) = reader.next_record().transpose() {
                if sender.blocking_send(record).is_err() {
                    break;
                }
            }
        });
        Self { receiver }
    }

    /// The next record; `None` after the last. What is an error to the reader is one here, and it goes on behind it if it can.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: the record is there at the next call.
    pub async fn next(&mut self) -> Option<Result<Value, Error>> {
        self.receiver.recv().await
    }
}

/// Hand on what comes, until nobody takes it.
async fn pump(mut bytes: impl AsyncRead + Unpin, blocks: mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let mut block = vec![0; BLOCK];
        let read = tokio::select! {
            read = bytes.read(&mut block) => read,
            () = blocks.closed() => return,
        };
        let block = match read {
            Ok(0) => return,
            Ok(count) => {
                block.truncate(count);
                Ok(block)
            }
            Err(error) => Err(error),
        };
        let is_over = block.is_err();
        if blocks.send(block).await.is_err() || is_over {
            return;
        }
    }
}

/// The bytes, for a reader that may block.
#[derive(Debug)]
pub struct Blocks {
    taken: mpsc::Receiver<io::Result<Vec<u8>>>,
    block: Vec<u8>,
    from: usize,
}

impl io::Read for Blocks {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.from == self.block.len() {
            match self.taken.blocking_recv() {
                None => return Ok(0),
                Some(block) => (self.block, self.from) = (block?, 0),
            }
        }
        let count = into.len().min(self.block.len() - self.from);
        into[..count].copy_from_slice(&self.block[self.from..self.from + count]);
        self.from += count;
        Ok(count)
    }
}
