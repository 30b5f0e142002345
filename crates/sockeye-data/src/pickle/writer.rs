//! Values as pickles of protocol 4, which every Python from 3.4 on reads.

use super::FORMAT;
use super::opcode::*;
use crate::binary::{self, Kind};
use crate::record::{Error, ErrorKind};
use crate::value::{Number, Object, Value};

/// What is begun and not yet written to its end.
enum Frame<'a> {
    List(&'a [Value], usize),
    Dict(&'a Object, usize),
}

/// The value as a pickle (protocol 4): dict, list, str, bytes, int, float, bool and None.
///
/// # Errors
///
/// Kind `Unsupported` for whole numbers of more than 4,096 bytes and fractions beyond floats.
pub fn to_vec(value: &Value) -> Result<Vec<u8>, Error> {
    let mut out = vec![PROTO, 4];
    let mut frames = Vec::new();
    write(value, &mut frames, &mut out)?;
    while let Some(frame) = frames.last_mut() {
        let next = match frame {
            Frame::List(items, next) => {
                *next += 1;
                items.get(*next - 1)
            }
            Frame::Dict(object, next) => {
                *next += 1;
                object.at(*next - 1).map(|(name, value)| {
                    text(name, &mut out);
                    value
                })
            }
        };
        match (next, &*frame) {
            (Some(value), _) => write(value, &mut frames, &mut out)?,
            (None, Frame::List(..)) => {
                out.push(APPENDS);
                frames.pop();
            }
            (None, Frame::Dict(..)) => {
                out.push(SETITEMS);
                frames.pop();
            }
        }
    }
    out.push(STOP);
    Ok(out)
}

/// A value; of a list or dict that has something in it, the beginning.
fn write<'a>(
    value: &'a Value,
    frames: &mut Vec<Frame<'a>>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    match value {
        Value::Null => out.push(NONE),
        Value::Bool(true) => out.push(NEWTRUE),
        Value::Bool(false) => out.push(NEWFALSE),
        Value::Number(number) => return write_number(number, out),
        Value::String(string) => text(string, out),
        Value::Bytes(bytes) => counted(bytes, [SHORT_BINBYTES, BINBYTES, BINBYTES8], out),
        Value::Array(items) => {
            out.push(EMPTY_LIST);
            if !items.is_empty() {
                out.push(MARK);
                frames.push(Frame::List(items, 0));
            }
        }
        Value::Object(object) => {
            out.push(EMPTY_DICT);
            if !object.is_empty() {
                out.push(MARK);
                frames.push(Frame::Dict(object, 0));
            }
        }
    }
    Ok(())
}

fn text(text: &str, out: &mut Vec<u8>) {
    counted(
        text.as_bytes(),
        [SHORT_BINUNICODE, BINUNICODE, BINUNICODE8],
        out,
    );
}

/// Bytes behind their length, in 1, 4 or 8 bytes.
fn counted(bytes: &[u8], opcodes: [u8; 3], out: &mut Vec<u8>) {
    if let Ok(length) = u8::try_from(bytes.len()) {
        out.extend_from_slice(&[opcodes[0], length]);
    } else if let Ok(length) = u32::try_from(bytes.len()) {
        out.push(opcodes[1]);
        out.extend_from_slice(&length.to_le_bytes());
    } else {
        out.push(opcodes[2]);
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
    }
    out.extend_from_slice(bytes);
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> Result<(), Error> {
    let beyond = |why: &str| Err(Error::new(ErrorKind::Unsupported, FORMAT, why));
    match binary::kind(number) {
        Kind::Int(int) => match (u8::try_from(int), u16::try_from(int), i32::try_from(int)) {
            (Ok(int), _, _) => out.extend_from_slice(&[BININT1, int]),
            (_, Ok(int), _) => {
                out.push(BININT2);
                out.extend_from_slice(&int.to_le_bytes());
            }
            (_, _, Ok(int)) => {
                out.push(BININT);
                out.extend_from_slice(&int.to_le_bytes());
            }
            _ => long(&num_bigint::BigInt::from(int).to_signed_bytes_le(), out),
        },
        Kind::Big(big) => long(&big.to_signed_bytes_le(), out),
        Kind::Float(float) => write_float(float, out),
        Kind::Decimal(..) | Kind::Huge => {
            if binary::is_whole(number) {
                return beyond("a whole number of more than 4,096 bytes");
            }
            let float = number.as_f64();
            if !float.is_finite() {
                return beyond("a number beyond 64-bit floats");
            }
            write_float(float, out);
        }
    }
    Ok(())
}

fn write_float(float: f64, out: &mut Vec<u8>) {
    out.push(BINFLOAT);
    out.extend_from_slice(&float.to_be_bytes());
}

/// A whole number as two's complement, the lowest byte first.
fn long(bytes: &[u8], out: &mut Vec<u8>) {
    match u8::try_from(bytes.len()) {
        Ok(length) => out.extend_from_slice(&[LONG1, length]),
        Err(_) => {
            // No more than 4,097 bytes come this way.
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            out.push(LONG4);
            out.extend_from_slice(&length.to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}
