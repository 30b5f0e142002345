//! The machine that reads pickles: opcodes, a stack, marks. It builds data and knows nothing else.

use num_bigint::BigInt;

use super::arena::{self, Arena, Id, Into, Node};
use super::finish::Finish;
use super::opcode::*;
use super::{FORMAT, ReadOptions, text};
use crate::binary::{BIG, Fault, whole};
use crate::record::{Error, ErrorKind, Position};
use crate::value::{Number, Value};

/// The value of a pickle.
///
/// # Errors
///
/// Kind `Unsupported` for an opcode that could run code, with its name and offset; `Syntax` where it is no pickle, more follows, or
/// a list contains itself; `Truncated` where it ends early; `Limit` where a default of [`ReadOptions`] is reached.
pub fn parse(bytes: &[u8]) -> Result<Value, Error> {
    parse_with(bytes, &ReadOptions::default())
}

/// The same with bounds of one's own.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_with(bytes: &[u8], options: &ReadOptions) -> Result<Value, Error> {
    if bytes.len() > options.limits.record {
        let why = format!("a pickle of more than {} bytes", options.limits.record);
        return Err(Error::new(ErrorKind::Limit, FORMAT, why));
    }
    let mut machine = Machine {
        bytes,
        at: 0,
        opcode_at: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        arena: Arena::new(options.memo),
    };
    let root = machine.run();
    let position = Position {
        byte: machine.opcode_at as u64,
        ..Position::default()
    };
    let finished = root.and_then(|root| {
        let finish = Finish::new(machine.arena, &options.limits);
        finish.value(root).map_err(Stop::Fault)
    });
    finished.map_err(|stop| match stop {
        Stop::Fault(fault) => Error::new(fault.kind, FORMAT, fault.why).at(position),
        Stop::Truncated => Error::new(ErrorKind::Truncated, FORMAT, "it ends early").at(position),
        Stop::Refused(name, what) => {
            let why =
                format!("the opcode {name} could run code: {what}, and only plain data is taken");
            Error::new(ErrorKind::Unsupported, FORMAT, why)
                .at(position)
                .with_hint(
                    "the sender turns objects into dicts, lists, strings, bytes and numbers first",
                )
        }
    })
}

/// Why the machine stops.
enum Stop {
    Fault(Fault),
    Truncated,
    /// An opcode that could run code, and what it would do.
    Refused(&'static str, String),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    opcode_at: usize,
    stack: Vec<Id>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    arena: Arena,
}

impl<'a> Machine<'a> {
    fn run(&mut self) -> Result<Id, Stop> {
        loop {
            self.opcode_at = self.at;
            let opcode = self.array::<1>()?[0];
            if opcode == STOP {
                let root = self.pop()?;
                return match self.at == self.bytes.len() {
                    true => Ok(root),
                    false => Err(Fault::syntax("more follows the value").into()),
                };
            }
            self.step(opcode)?;
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), Stop> {
        match opcode {
            PROTO => match self.array::<1>()?[0] {
                0..=5 => Ok(()),
                version => Err(Fault::syntax(format!("protocol {version}, which is none")).into()),
            },
            // A frame says how much may be read at once; what counts is that it is there.
            FRAME => {
                let length = u64::from_le_bytes(self.array()?);
                let left = (self.bytes.len() - self.at) as u64;
                if length > left {
                    Err(Stop::Truncated)
                } else {
                    Ok(())
                }
            }
            MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            POP => self.pop_any(),
            POP_MARK => self.since_mark().map(drop),
            DUP => {
                let top = self.top()?;
                self.stack.push(top);
                Ok(())
            }
            GET | BINGET | LONG_BINGET | PUT | BINPUT | LONG_BINPUT | MEMOIZE => self.memo(opcode),
            NONE => self.push_id(arena::NONE),
            NEWTRUE => self.push_id(arena::TRUE),
            NEWFALSE => self.push_id(arena::FALSE),
            INT | LONG | FLOAT | BINFLOAT | BININT | BININT1 | BININT2 | LONG1 | LONG4 => {
                let number = self.number(opcode)?;
                self.push(Node::Leaf(number))
            }
            EMPTY_LIST | APPEND | APPENDS | LIST | EMPTY_TUPLE | TUPLE | TUPLE1 | TUPLE2
            | TUPLE3 | EMPTY_DICT | DICT | SETITEM | SETITEMS | EMPTY_SET | ADDITEMS
            | FROZENSET => self.container(opcode),
            _ => self.text_or_refused(opcode),
        }
    }

    fn text_or_refused(&mut self, opcode: u8) -> Result<(), Stop> {
        let value = match opcode {
            UNICODE => Value::String(text::raw_unicode(self.line()?)?),
            STRING => Value::String(text::quoted(self.line()?)?),
            BINUNICODE | SHORT_BINUNICODE | BINUNICODE8 => {
                let bytes = self.counted(opcode)?;
                let text = simdutf8::basic::from_utf8(bytes);
                let why = "a text that is no UTF-8 (a surrogate alone, perhaps)";
                Value::String(text.map_err(|_| Fault::syntax(why))?.into())
            }
            BINSTRING | SHORT_BINSTRING => {
                Value::String(text::ascii(self.counted(opcode)?.to_vec())?)
            }
            BINBYTES | SHORT_BINBYTES | BINBYTES8 | BYTEARRAY8 => {
                Value::bytes(self.counted(opcode)?.to_vec())
            }
            _ => return Err(self.refuse(opcode)),
        };
        self.push(Node::Leaf(value))
    }

    /// Why this opcode is not obeyed.
    fn refuse(&mut self, opcode: u8) -> Stop {
        match opcode {
            GLOBAL => {
                let module = self.line().map(shown).unwrap_or_default();
                let name = self.line().map(shown).unwrap_or_default();
                Stop::Refused("GLOBAL", format!("it imports {module}.{name}"))
            }
            STACK_GLOBAL => {
                let name = self.pop().map(|id| self.text_at(id)).unwrap_or_default();
                let module = self.pop().map(|id| self.text_at(id)).unwrap_or_default();
                Stop::Refused("STACK_GLOBAL", format!("it imports {module}.{name}"))
            }
            _ => match REFUSED.iter().find(|(code, _, _)| *code == opcode) {
                Some((_, name, what)) => Stop::Refused(name, (*what).to_owned()),
                None => Fault::syntax(format!("{opcode:#04x} is no opcode")).into(),
            },
        }
    }

    fn text_at(&self, id: Id) -> String {
        match &self.arena.nodes[id as usize] {
            Node::Leaf(Value::String(text)) => shown(text.as_bytes()),
            _ => "?".to_owned(),
        }
    }

    fn memo(&mut self, opcode: u8) -> Result<(), Stop> {
        let number = match opcode {
            GET | PUT => {
                let line = std::str::from_utf8(self.line()?).unwrap_or_default();
                let number = line.trim().parse().ok();
                Some(number.ok_or_else(|| Fault::syntax("a memo number that is none"))?)
            }
            BINGET | BINPUT => Some(u32::from(self.array::<1>()?[0])),
            LONG_BINGET | LONG_BINPUT => Some(u32::from_le_bytes(self.array()?)),
            _ => None,
        };
        match (opcode, number) {
            (GET | BINGET | LONG_BINGET, Some(number)) => {
                let id = self.arena.remembered(number)?;
                self.push_id(id)
            }
            (_, number) => {
                let top = self.top()?;
                Ok(self.arena.remember(number, top)?)
            }
        }
    }

    fn number(&mut self, opcode: u8) -> Result<Value, Stop> {
        let int = |int: i64| Value::Number(Number::Int(int));
        Ok(match opcode {
            INT => match self.line()? {
                b"00" => Value::Bool(false),
                b"01" => Value::Bool(true),
                line => text::decimal(line)?,
            },
            LONG => {
                let line = self.line()?;
                text::decimal(line.strip_suffix(b"L").unwrap_or(line))?
            }
            FLOAT => text::float(self.line()?)?,
            BINFLOAT => text::float_value(f64::from_be_bytes(self.array()?)),
            BININT => int(i64::from(i32::from_le_bytes(self.array()?))),
            BININT1 => int(i64::from(self.array::<1>()?[0])),
            BININT2 => int(i64::from(u16::from_le_bytes(self.array()?))),
            _ => {
                let length = match opcode {
                    LONG1 => usize::from(self.array::<1>()?[0]),
                    _ => usize::try_from(i32::from_le_bytes(self.array()?))
                        .map_err(|_| Fault::syntax("a length below zero"))?,
                };
                if length > BIG + 1 {
                    let why = format!("a whole number of more than {BIG} bytes");
                    return Err(Fault::limit(why).into());
                }
                Value::Number(whole(BigInt::from_signed_bytes_le(self.take(length)?)))
            }
        })
    }

    fn container(&mut self, opcode: u8) -> Result<(), Stop> {
        let node = match opcode {
            EMPTY_LIST => Node::List(Vec::new()),
            EMPTY_TUPLE => Node::Tuple(Vec::new()),
            EMPTY_DICT => Node::Dict(Vec::new()),
            EMPTY_SET => Node::Set(Vec::new()),
            LIST => Node::List(self.since_mark()?),
            TUPLE => Node::Tuple(self.since_mark()?),
            FROZENSET => Node::Set(self.since_mark()?),
            DICT => Node::Dict(pairs(self.since_mark()?)?),
            TUPLE1 | TUPLE2 | TUPLE3 => {
                let mut items = Vec::with_capacity(3);
                for _ in TUPLE1..=opcode {
                    items.push(self.pop()?);
                }
                items.reverse();
                Node::Tuple(items)
            }
            APPEND => {
                let item = self.pop()?;
                return self.extend(&[item], Into::List);
            }
            SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                return self.extend(&[key, value], Into::Dict);
            }
            APPENDS => {
                let items = self.since_mark()?;
                return self.extend(&items, Into::List);
            }
            ADDITEMS => {
                let items = self.since_mark()?;
                return self.extend(&items, Into::Set);
            }
            _ => {
                let items = pairs(self.since_mark()?)?;
                return self.extend(&items, Into::Dict);
            }
        };
        self.push(node)
    }

    fn extend(&mut self, items: &[Id], into: Into) -> Result<(), Stop> {
        let top = self.top()?;
        Ok(self.arena.extend(top, items, into)?)
    }

    fn push(&mut self, node: Node) -> Result<(), Stop> {
        let id = self.arena.add(node)?;
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Result<(), Stop> {
        self.stack.push(id);
        Ok(())
    }

    /// Nothing below the last mark can be had.
    fn top(&self) -> Result<Id, Stop> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.get(floor..).and_then(<[Id]>::last) {
            Some(id) => Ok(*id),
            None => Err(Fault::syntax("the stack is empty").into()),
        }
    }

    fn pop(&mut self) -> Result<Id, Stop> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// POP takes a value, or a mark that nothing stands above.
    fn pop_any(&mut self) -> Result<(), Stop> {
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(drop)
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, Stop> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(Fault::syntax("no mark was set").into()),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.checked_add(length).ok_or(Stop::Truncated)?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Truncated)?;
        self.at = end;
        Ok(taken)
    }

    /// Bytes behind their length, whose own length depends on the opcode.
    fn counted(&mut self, opcode: u8) -> Result<&'a [u8], Stop> {
        let length = match opcode {
            SHORT_BINUNICODE | SHORT_BINSTRING | SHORT_BINBYTES => u64::from(self.array::<1>()?[0]),
            BINUNICODE8 | BINBYTES8 | BYTEARRAY8 => u64::from_le_bytes(self.array()?),
            _ => u64::from(u32::from_le_bytes(self.array()?)),
        };
        self.take(usize::try_from(length).map_err(|_| Stop::Truncated)?)
    }

    /// Up to the line end, which is taken too.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let length = memchr::memchr(b'\n', &self.bytes[self.at..]).ok_or(Stop::Truncated)?;
        let line = self.take(length)?;
        self.at += 1;
        Ok(line)
    }
}

/// Keys and values in turn are an even number.
fn pairs(items: Vec<Id>) -> Result<Vec<Id>, Fault> {
    match items.len() % 2 {
        0 => Ok(items),
        _ => Err(Fault::syntax("a key without a value")),
    }
}

/// A name of the peer's, short and safe for a terminal.
fn shown(name: &[u8]) -> String {
    crate::escape::escape(&name[..name.len().min(60)])
}
