//! Items as records.

use std::io::Read;

use num_bigint::{BigInt, Sign};

use super::{BIG_NEGATIVE, BIG_POSITIVE, DECIMAL, FORMAT, ReadOptions, SELF_DESCRIBED, half};
use crate::binary::{BIG, Fault, Source, Stack, whole};
use crate::record::{Error, Position, ReadRecords};
use crate::tagged::{self, Tags};
use crate::value::{Number, Text, Value};

/// Reads CBOR: each item of the sequence is a record. After an error there is nothing more, for where the next item starts is not
/// known.
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
            let tags = self.tags;
            let whole = self
                .stack
                .complete(value, |tag, value| apply(tag, value, tags));
            if let Some(record) = whole.map_err(fault)? {
                return Ok(Some(record));
            }
        }
    }

    /// The next item; `None` if it has only begun.
    fn head(&mut self, at: Position) -> Result<Option<Value>, Error> {
        let fault = |fault: Fault| Error::new(fault.kind, FORMAT, fault.why).at(at);
        let first = self.source.byte()?;
        let (major, info) = (first >> 5, first & 31);
        if major == 7 {
            return self.simple(info, at).map(Some);
        }
        let argument = self.argument(info, at)?;
        match (major, argument) {
            (0, Some(number)) => Ok(Some(Value::from(match i64::try_from(number) {
                Ok(int) => Number::Int(int),
                Err(_) => whole(BigInt::from(number)),
            }))),
            (1, Some(number)) => Ok(Some(Value::from(match i64::try_from(number) {
                Ok(int) => Number::Int(!int),
                Err(_) => whole(-1 - BigInt::from(number)),
            }))),
            (2, length) => self.bytes(length).map(Some),
            (3, length) => self.text(length).map(Some),
            (4, length) => self.stack.list(length).map_err(fault),
            (5, length) => self.stack.map(length).map_err(fault),
            (6, Some(tag)) => self.stack.tag(tag).map_err(fault),
            _ => Err(Error::syntax(
                FORMAT,
                "a number or a tag without a value",
                at,
            )),
        }
    }

    /// The number in a head (3); `None` means without a length.
    fn argument(&mut self, info: u8, at: Position) -> Result<Option<u64>, Error> {
        Ok(Some(match info {
            0..=23 => u64::from(info),
            24 => u64::from(self.source.byte()?),
            25 => u64::from(u16::from_be_bytes(self.source.array()?)),
            26 => u64::from(u32::from_be_bytes(self.source.array()?)),
            27 => u64::from_be_bytes(self.source.array()?),
            31 => return Ok(None),
            _ => return Err(Error::syntax(FORMAT, "a head of a reserved kind", at)),
        }))
    }

    /// Simple values, floats and the break (3.3).
    fn simple(&mut self, info: u8, at: Position) -> Result<Value, Error> {
        Ok(match info {
            20 => Value::from(false),
            21 => Value::from(true),
            22 | 23 => Value::Null,
            0..=19 => unassigned(info),
            24 => match self.source.byte()? {
                0..=31 => {
                    let why = "a simple value in two bytes that has one";
                    return Err(Error::syntax(FORMAT, why, at));
                }
                number => unassigned(number),
            },
            25 => Value::from(half::decode(u16::from_be_bytes(self.source.array()?))),
            26 => Value::from(f64::from(f32::from_be_bytes(self.source.array()?))),
            27 => Value::from(f64::from_be_bytes(self.source.array()?)),
            31 => {
                let ended = self.stack.end();
                return ended.map_err(|fault| Error::new(fault.kind, FORMAT, fault.why).at(at));
            }
            _ => return Err(Error::syntax(FORMAT, "a head of a reserved kind", at)),
        })
    }

    fn bytes(&mut self, length: Option<u64>) -> Result<Value, Error> {
        let mut out = Vec::new();
        match length {
            Some(length) => self.source.take(length, &mut out)?,
            None => {
                while let Some(length) = self.chunk(2)? {
                    self.source.take(length, &mut out)?;
                }
            }
        }
        Ok(Value::bytes(out))
    }

    fn text(&mut self, length: Option<u64>) -> Result<Value, Error> {
        let mut out = String::new();
        match length {
            Some(length) => self.source.text(length, &mut out)?,
            None => {
                while let Some(length) = self.chunk(3)? {
                    self.source.text(length, &mut out)?;
                }
            }
        }
        Ok(Value::from(Text::from(out)))
    }

    /// The length of the next piece of a text or of bytes (3.2.3); `None` at the break.
    fn chunk(&mut self, major: u8) -> Result<Option<u64>, Error> {
        let at = self.source.position();
        let first = self.source.byte()?;
        if first == 0xff {
            return Ok(None);
        }
        if first >> 5 == major
            && let Some(length) = self.argument(first & 31, at)?
        {
            return Ok(Some(length));
        }
        let why = "a piece of another kind within a text or bytes";
        Err(Error::syntax(FORMAT, why, at))
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

fn unassigned(number: u8) -> Value {
    tagged::wrap("!simple", Value::from(i64::from(number)))
}

/// The value of a tag and what stands behind it.
fn apply(tag: u64, value: Value, tags: Tags) -> Result<Value, Fault> {
    match (tag, &value) {
        (BIG_POSITIVE | BIG_NEGATIVE, Value::Bytes(bytes)) => {
            let significant = bytes.iter().skip_while(|byte| **byte == 0).count();
            if significant > BIG {
                return Err(Fault::limit(format!("a number of more than {BIG} bytes")));
            }
            let number = BigInt::from_bytes_be(Sign::Plus, bytes);
            Ok(Value::from(whole(match tag {
                BIG_POSITIVE => number,
                _ => -1 - number,
            })))
        }
        (BIG_POSITIVE | BIG_NEGATIVE, _) => Err(Fault::syntax("a bignum that is no bytes")),
        (DECIMAL, Value::Array(parts)) => match decimal(parts) {
            Some(number) => Ok(Value::from(number)),
            None => Err(Fault::syntax(
                "a decimal fraction that is no two whole numbers",
            )),
        },
        (DECIMAL, _) => Err(Fault::syntax("a decimal fraction that is no list")),
        (SELF_DESCRIBED, _) => Ok(value),
        _ if tags == Tags::Keep => Ok(tagged::wrap(format!("!{tag}"), value)),
        _ => Ok(value),
    }
}

/// A decimal fraction (3.4.4): the power of ten and the digits.
fn decimal(parts: &[Value]) -> Option<Number> {
    let [exponent, Value::Number(mantissa)] = parts else {
        return None;
    };
    let Value::Number(Number::Int(exponent)) = exponent else {
        return None;
    };
    if !matches!(mantissa, Number::Int(_) | Number::Big(_)) {
        return None;
    }
    let text = mantissa.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let text = match usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX) {
        0 => text.clone(),
        // Few digits behind the point are written there.
        places @ 1..=40 if *exponent < 0 => {
            let digits = format!("{digits:0>width$}", width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            format!("{sign}{whole}.{fraction}")
        }
        _ => format!("{text}e{exponent}"),
    };
    Number::from_json_text(&text)
}
