//! Documents as records.

use std::collections::VecDeque;
use std::io::Read;

use super::ReadOptions;
use super::build::Tree;
use super::documents::Documents;
use crate::record::{Error, ErrorKind, Position, ReadRecords};
use crate::value::Value;

/// Reads YAML: each document is a record, and one is in memory at a time. After an error of kind `Syntax` or `Limit` within a
/// document it goes on with the next one.
pub struct Reader<R> {
    documents: Documents<R>,
    options: ReadOptions,
    ready: VecDeque<Value>,
}

impl<R: Read> Reader<R> {
    /// Reads these bytes, which are UTF-8.
    pub fn new(read: R, options: &ReadOptions) -> Self {
        Self {
            documents: Documents::new(read, options.limits.record),
            options: options.clone(),
            ready: VecDeque::new(),
        }
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        loop {
            if let Some(value) = self.ready.pop_front() {
                return Ok(Some(value));
            }
            let document = match self.documents.next() {
                Ok(Some(document)) => document,
                Ok(None) => return Ok(None),
                Err(error) => {
                    if matches!(error.kind(), ErrorKind::Io(_)) {
                        self.documents.stop();
                    }
                    return Err(error);
                }
            };
            self.ready = Tree::new(&document, &self.options).read()?;
        }
    }

    fn position(&self) -> Position {
        self.documents.position()
    }
}
