//! Values as MessagePack, each in its shortest form.

use super::{EXTENSION, FORMAT, TIMESTAMP, WriteOptions, timestamp};
use crate::binary::{self, Kind, Visit, Walk};
use crate::record::{Error, ErrorKind, WriteRecords, all_or_nothing};
use crate::tagged;
use crate::value::{Number, Value};

/// Writes MessagePack: the records behind each other.
#[derive(Debug, Default)]
pub struct Writer {
    options: WriteOptions,
}

impl Writer {
    /// Without values yet.
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

/// The value as MessagePack. A fraction becomes the nearest 64-bit float: there is no other in this format.
///
/// # Errors
///
/// Kind `Unsupported` for a whole number beyond 64 bits, a fraction beyond floats, and lengths beyond 32 bits.
pub fn to_vec(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    write(value, &WriteOptions::default(), &mut out)?;
    Ok(out)
}

/// Why a value cannot be written.
struct Unsupported(&'static str);

fn write(value: &Value, options: &WriteOptions, out: &mut Vec<u8>) -> Result<(), Error> {
    let mut walk = Walk::new(value);
    while let Some(visit) = walk.next() {
        let written = match visit {
            Visit::Key(name) => text(name, out),
            Visit::Value(value) => write_one(value, options, out, &mut walk),
        };
        if let Err(Unsupported(why)) = written {
            let why = format!("{why} at {}", walk.path());
            return Err(Error::new(ErrorKind::Unsupported, FORMAT, why));
        }
    }
    Ok(())
}

/// A value, of lists and maps the head.
fn write_one<'a>(
    value: &'a Value,
    options: &WriteOptions,
    out: &mut Vec<u8>,
    walk: &mut Walk<'a>,
) -> Result<(), Unsupported> {
    if let Some((name, inner)) = tagged::unwrap(value, options.tags)
        && write_extension(name, inner, out)?
    {
        return Ok(());
    }
    match value {
        Value::Null => out.push(0xc0),
        Value::Bool(bool) => out.push(if *bool { 0xc3 } else { 0xc2 }),
        Value::Number(number) => return write_number(number, out),
        Value::String(string) => return text(string, out),
        Value::Bytes(bytes) => {
            head(bytes.len(), None, [Some(0xc4), Some(0xc5), Some(0xc6)], out)?;
            out.extend_from_slice(bytes);
        }
        Value::Array(items) => {
            head(
                items.len(),
                Some((0x90, 15)),
                [None, Some(0xdc), Some(0xdd)],
                out,
            )?;
            walk.enter_list(items);
        }
        Value::Object(object) => {
            head(
                object.len(),
                Some((0x80, 15)),
                [None, Some(0xde), Some(0xdf)],
                out,
            )?;
            walk.enter_map(object, options.sorted.then(|| object.sorted()));
        }
    }
    Ok(())
}

/// A length: within a byte up to the second of `fixed`, else behind the mark for 1, 2 or 4 bytes.
fn head(
    length: usize,
    fixed: Option<(u8, usize)>,
    marks: [Option<u8>; 3],
    out: &mut Vec<u8>,
) -> Result<(), Unsupported> {
    if let Some((mark, most)) = fixed
        && length <= most
    {
        out.push(mark | length as u8);
        return Ok(());
    }
    if let (Ok(length), Some(mark)) = (u8::try_from(length), marks[0]) {
        out.extend_from_slice(&[mark, length]);
    } else if let (Ok(length), Some(mark)) = (u16::try_from(length), marks[1]) {
        out.push(mark);
        out.extend_from_slice(&length.to_be_bytes());
    } else if let (Ok(length), Some(mark)) = (u32::try_from(length), marks[2]) {
        out.push(mark);
        out.extend_from_slice(&length.to_be_bytes());
    } else {
        return Err(Unsupported("more than 4 GiB or 2^32 values"));
    }
    Ok(())
}

fn text(text: &str, out: &mut Vec<u8>) -> Result<(), Unsupported> {
    head(
        text.len(),
        Some((0xa0, 31)),
        [Some(0xd9), Some(0xda), Some(0xdb)],
        out,
    )?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// `false` if the name is none of an extension.
fn write_extension(name: &str, value: &Value, out: &mut Vec<u8>) -> Result<bool, Unsupported> {
    let made;
    let (kind, bytes) = match value {
        Value::String(text) if name == TIMESTAMP => match timestamp::to_bytes(text) {
            Some(bytes) => {
                made = bytes;
                (-1, made.as_slice())
            }
            None => return Ok(false),
        },
        Value::Bytes(bytes) => {
            let number = name.strip_prefix(EXTENSION);
            match number.and_then(|number| {
                number
                    .parse::<i8>()
                    .ok()
                    .filter(|kind| kind.to_string() == number)
            }) {
                Some(kind) => (kind, bytes.as_slice()),
                None => return Ok(false),
            }
        }
        _ => return Ok(false),
    };
    match bytes.len() {
        1 => out.push(0xd4),
        2 => out.push(0xd5),
        4 => out.push(0xd6),
        8 => out.push(0xd7),
        16 => out.push(0xd8),
        length => head(length, None, [Some(0xc7), Some(0xc8), Some(0xc9)], out)?,
    }
    out.push(kind as u8);
    out.extend_from_slice(bytes);
    Ok(true)
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), Unsupported> {
    match binary::kind(number) {
        Kind::Int(int) => write_int(int, out),
        Kind::Big(big) => match u64::try_from(&*big) {
            Ok(number) => {
                out.push(0xcf);
                out.extend_from_slice(&number.to_be_bytes());
            }
            Err(_) => return Err(Unsupported("a whole number beyond 64 bits")),
        },
        Kind::Float(float) => write_float(float, out),
        Kind::Decimal(..) | Kind::Huge => {
            let float = number.as_f64();
            if binary::is_whole(number) {
                return Err(Unsupported("a whole number beyond 64 bits"));
            }
            if !float.is_finite() {
                return Err(Unsupported("a number beyond 64-bit floats"));
            }
            write_float(float, out);
        }
    }
    Ok(())
}

fn write_float(float: f64, out: &mut Vec<u8>) {
    out.push(0xcb);
    out.extend_from_slice(&float.to_be_bytes());
}

fn write_int(int: i64, out: &mut Vec<u8>) {
    match int {
        -32..=0x7f => out.push(int as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, int as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(int as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend_from_slice(&(int as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend_from_slice(&int.to_be_bytes());
        }
        -0x80..=-33 => out.extend_from_slice(&[0xd0, int as u8]),
        -0x8000..=-0x81 => {
            out.push(0xd1);
            out.extend_from_slice(&(int as i16).to_be_bytes());
        }
        -0x8000_0000..=-0x8001 => {
            out.push(0xd2);
            out.extend_from_slice(&(int as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend_from_slice(&int.to_be_bytes());
        }
    }
}
