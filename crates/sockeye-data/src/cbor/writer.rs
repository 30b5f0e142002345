//! Values as items, each in its shortest form (RFC 8949, 4.1).

use num_bigint::{BigInt, Sign};

use super::{BIG_NEGATIVE, BIG_POSITIVE, DECIMAL, FORMAT, WriteOptions, half};
use crate::binary::{self, Kind, Visit, Walk};
use crate::record::{Error, ErrorKind, WriteRecords, all_or_nothing};
use crate::tagged;
use crate::value::{Number, Object, Value};

/// Writes CBOR: the records behind each other (RFC 8742).
#[derive(Debug, Default)]
pub struct Writer {
    options: WriteOptions,
}

impl Writer {
    /// Without items yet.
    pub fn new(options: &WriteOptions) -> Self {
        Self {
            options: options.clone(),
        }
    }
}

impl WriteRecords for Writer {
    fn write_record(&mut self, record: &Value, out: &mut Vec<u8>) -> Result<(), Error> {
        all_or_nothing(out, |out| write(record, &self.options, out))
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// The value as one item.
///
/// # Errors
///
/// Kind `Unsupported` for a number of more than 4,096 bytes.
pub fn to_vec(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write(value, &WriteOptions::default(), &mut out)?;
    Ok(out)
}

fn write(value: &Value, options: &WriteOptions, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut walk = Walk::new(value);
    while let Some(visit) = walk.next() {
        let value = match visit {
            Visit::Key(name) => {
                text(name, out);
                continue;
            }
            Visit::Value(value) => value,
        };
        if let Some((name, inner)) = tagged::unwrap(value, options.tags)
            && write_tag(name, inner, out)
        {
            if name != SIMPLE {
                walk.enter(inner);
            }
            continue;
        }
        match value {
            Value::Null => out.push(0xf6),
            Value::Bool(bool) => out.push(if *bool { 0xf5 } else { 0xf4 }),
            Value::Number(number) => write_number(number, out, &walk)?,
            Value::String(string) => text(string, out),
            Value::Bytes(bytes) => {
                head(2, bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Value::Array(items) => {
                head(4, items.len() as u64, out);
                walk.enter_list(items);
            }
            Value::Object(object) => {
                head(5, object.len() as u64, out);
                walk.enter_map(object, options.deterministic.then(|| order(object)));
            }
        }
    }
    Ok(())
}

const SIMPLE: &str = "!simple";

/// Write the head of a tag, or a simple value whole. `false` if the name is none of these.
fn write_tag(name: &str, value: &Value, out: &mut Vec<u8>) -> bool {
    if name == SIMPLE {
        let number = value.as_i64().and_then(|number| u8::try_from(number).ok());
        match number {
            Some(number @ 0..=19) => out.push(0xe0 | number),
            Some(number @ 32..) => out.extend_from_slice(&[0xf8, number]),
            _ => return false,
        }
        return true;
    }
    match name[1..].parse::<u64>() {
        // Numbers are written as numbers; a name with a sign or zeros in front is another one.
        Ok(tag) if name[1..] == tag.to_string() && !(BIG_POSITIVE..=DECIMAL).contains(&tag) => {
            head(6, tag, out);
            true
        }
        _ => false,
    }
}

/// The members by the bytes of their keys: the length comes first in them.
fn order(object: &Object) -> Vec<usize> {
    let names: Vec<&[u8]> = object.keys().map(|name| name.as_bytes()).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|place| (names[*place].len(), names[*place]));
    order
}

fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, argument as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(argument as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(argument as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&argument.to_be_bytes());
        }
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    head(3, text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn write_number(number: &Number, out: &mut Vec<u8>, walk: &Walk<'_>) -> Result<(), Error> {
    match binary::kind(number) {
        Kind::Int(int) => write_int(int, out),
        Kind::Big(big) => write_big(&big, out),
        Kind::Float(float) => write_float(float, out),
        Kind::Decimal(is_negative, digits, exponent) => {
            let mantissa: BigInt = digits.parse().unwrap_or_default();
            head(6, DECIMAL, out);
            head(4, 2, out);
            write_int(exponent, out);
            let mantissa = if is_negative { -mantissa } else { mantissa };
            match i64::try_from(&mantissa) {
                Ok(int) => write_int(int, out),
                Err(_) => write_big(&mantissa, out),
            }
        }
        Kind::Huge => {
            let why = format!("the number at {} has too many digits", walk.path());
            return Err(Error::new(ErrorKind::Unsupported, FORMAT, why));
        }
    }
    Ok(())
}

fn write_int(int: i64, out: &mut Vec<u8>) {
    match u64::try_from(int) {
        Ok(positive) => head(0, positive, out),
        Err(_) => head(1, !int as u64, out),
    }
}

/// A whole number beyond 64 signed bits: as such if it has 64, else as a bignum.
fn write_big(big: &BigInt, out: &mut Vec<u8>) {
    let (major, tag, size) = match big.sign() {
        Sign::Minus => (1, BIG_NEGATIVE, -1 - big),
        _ => (0, BIG_POSITIVE, big.clone()),
    };
    match u64::try_from(&size) {
        Ok(size) => head(major, size, out),
        Err(_) => {
            let (_, bytes) = size.to_bytes_be();
            head(6, tag, out);
            head(2, bytes.len() as u64, out);
            out.extend_from_slice(&bytes);
        }
    }
}

/// The shortest float that is the same.
fn write_float(float: f64, out: &mut Vec<u8>) {
    if let Some(bits) = half::encode(float) {
        out.push(0xf9);
        out.extend_from_slice(&bits.to_be_bytes());
        return;
    }
    let single = float as f32;
    if f64::from(single) == float {
        out.push(0xfa);
        out.extend_from_slice(&single.to_be_bytes());
        return;
    }
    out.push(0xfb);
    out.extend_from_slice(&float.to_be_bytes());
}
