//! Values as records.

use std::io::Read;
use std::sync::Arc;

use num_bigint::BigInt;

use super::{EXTENSION, FORMAT, ReadOptions, TIMESTAMP, timestamp};
use crate::binary::{Fault, Source, Stack};
use crate::record::{Error, Position, ReadRecords};
use crate::tagged::{self, Tags};
use crate::value::{Number, Text, Value};

/// Reads MessagePack: each value behind the other is a record. After an error there is nothing more, for where the next value
/// starts is not known.
pub struct Reader<R> {
    source: Source<R>,
    stack: Stack,
    tags: Tags,
}

impl<R: Read> Reader<R> {
    /// Reads these bytes.
    pub fn new(read: R, options: &ReadOptions) -> Self {
        let limits = &options.limits;
        Self {
            source: Source::new(read, FORMAT, limits.record),
            stack: Stack::new(limits.depth, options.duplicates),
            tags: options.tags,
        }
    }

    fn record(&mut self) -> Result<Option<Value>, Error> {
        if !self.source.begin()? {
            return Ok(None);
        }
        loop {
            let at = self.source.position();
            let fault = |fault: Fault| Error::new(fault.kind, FORMAT, fault.why).at(at);
            let Some(value) = self.head(at)? else {
                continue;
            };
            let whole = self.stack.complete(value, |_, value| Ok(value));
            if let Some(record) = whole.map_err(fault)? {
                return Ok(Some(record));
            }
        }
    }

    /// The next value; `None` if it has only begun.
    fn head(&mut self, at: Position) -> Result<Option<Value>, Error> {
        let fault = |fault: Fault| Error::new(fault.kind, FORMAT, fault.why).at(at);
        let first = self.source.byte()?;
        Ok(Some(match first {
            0x00..=0x7f => Value::from(i64::from(first)),
            0xe0..=0xff => Value::from(i64::from(first as i8)),
            0x80..=0x8f => return self.stack.map(Some(u64::from(first & 15))).map_err(fault),
            0xde | 0xdf => {
                let length = self.length(first - 0xde + 1)?;
                return self.stack.map(Some(length)).map_err(fault);
            }
            0x90..=0x9f => return self.stack.list(Some(u64::from(first & 15))).map_err(fault),
            0xdc | 0xdd => {
                let length = self.length(first - 0xdc + 1)?;
                return self.stack.list(Some(length)).map_err(fault);
            }
            0xa0..=0xbf => self.text(u64::from(first & 31))?,
            0xd9..=0xdb => {
                let length = self.length(first - 0xd9)?;
                self.text(length)?
            }
            0xc4..=0xc6 => {
                let length = self.length(first - 0xc4)?;
                Value::bytes(self.bytes(length)?)
            }
            0xc7..=0xc9 => {
                let length = self.length(first - 0xc7)?;
                self.extension(length)?
            }
            0xd4..=0xd8 => self.extension(1 << (first - 0xd4))?,
            0xca => Value::from(f64::from(f32::from_be_bytes(self.source.array()?))),
            0xcb => Value::from(f64::from_be_bytes(self.source.array()?)),
            0xcc..=0xd3 => Value::from(self.whole(first)?),
            0xc0 => Value::Null,
            0xc2 => Value::from(false),
            0xc3 => Value::from(true),
            0xc1 => {
                return Err(Error::syntax(
                    FORMAT,
                    "a byte 0xc1, which is never used",
                    at,
                ));
            }
        }))
    }

    /// A length of 1, 2 or 4 bytes.
    fn length(&mut self, size: u8) -> Result<u64, Error> {
        Ok(match size {
            0 => u64::from(self.source.byte()?),
            1 => u64::from(u16::from_be_bytes(self.source.array()?)),
            _ => u64::from(u32::from_be_bytes(self.source.array()?)),
        })
    }

    fn whole(&mut self, first: u8) -> Result<Number, Error> {
        let source = &mut self.source;
        Ok(Number::Int(match first {
            0xcc => i64::from(source.byte()?),
            0xcd => i64::from(u16::from_be_bytes(source.array()?)),
            0xce => i64::from(u32::from_be_bytes(source.array()?)),
            0xcf => {
                let number = u64::from_be_bytes(source.array()?);
                match i64::try_from(number) {
                    Ok(int) => int,
                    Err(_) => return Ok(Number::Big(Arc::new(BigInt::from(number)))),
                }
            }
            0xd0 => i64::from(source.byte()? as i8),
            0xd1 => i64::from(i16::from_be_bytes(source.array()?)),
            0xd2 => i64::from(i32::from_be_bytes(source.array()?)),
            _ => i64::from_be_bytes(source.array()?),
        }))
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        self.source.take(length, &mut out)?;
        Ok(out)
    }

    fn text(&mut self, length: u64) -> Result<Value, Error> {
        let mut out = String::new();
        self.source.text(length, &mut out)?;
        Ok(Value::from(Text::from(out)))
    }

    fn extension(&mut self, length: u64) -> Result<Value, Error> {
        let kind = self.source.byte()? as i8;
        let bytes = self.bytes(length)?;
        if kind == -1
            && let Some(text) = timestamp::to_text(&bytes)
        {
            let text = Value::from(text);
            return Ok(match self.tags {
                Tags::Keep => tagged::wrap(TIMESTAMP, text),
                Tags::Drop => text,
            });
        }
        let bytes = Value::bytes(bytes);
        Ok(match self.tags {
            Tags::Keep => tagged::wrap(format!("{EXTENSION}{kind}"), bytes),
            Tags::Drop => bytes,
        })
    }
}

impl<R: Read> ReadRecords for Reader<R> {
    fn next_record(&mut self) -> Result<Option<Value>, Error> {
        let record = self.record();
        if record.is_err() {
            self.source.stop();
            self.stack.clear();
        }
        record
    }

    fn position(&self) -> Position {
        self.source.position()
    }
}
