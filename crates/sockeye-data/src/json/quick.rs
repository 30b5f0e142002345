//! The quick way through plain JSON: names and strings without escapes, numbers and literals that end within the text. Wherever
//! something else comes, the machine stands before it and goes on in its own way, which also says what is wrong.

use crate::value::{Number, Text, Value};

use super::lex;
use super::machine::{Machine, State};

/// How the quick way goes on.
enum Way {
    /// From here.
    On(usize),
    /// Not: what is not plain begins here.
    Stop(usize),
    /// The value at the top is complete.
    Done(Value, usize),
}

impl Machine {
    /// Go on with what is plain, until something else comes or the value at the top is complete. With `BUILD`, values are built.
    #[inline]
    pub(super) fn quick<const BUILD: bool>(
        &mut self,
        text: &str,
        place: &mut usize,
    ) -> Option<Value> {
        let mut at = *place;
        loop {
            let way = match self.state {
                State::FirstName | State::NextName => self.quick_members::<BUILD>(text, at),
                State::FirstItem | State::NextItem => self.quick_items::<BUILD>(text, at),
                State::After => self.quick_after::<BUILD>(text.as_bytes(), at),
                State::Value | State::Colon | State::Unread => Way::Stop(at),
            };
            match way {
                Way::On(next) => at = next,
                Way::Stop(next) => {
                    *place = next;
                    return None;
                }
                Way::Done(value, next) => {
                    *place = next;
                    return Some(value);
                }
            }
        }
    }

    /// Names with values that are scalars, up to a value that is not, or the end of the object.
    #[inline]
    fn quick_members<const BUILD: bool>(&mut self, text: &str, mut at: usize) -> Way {
        let bytes = text.as_bytes();
        loop {
            at = lex::skip_space(bytes, at);
            let name_end = match bytes.get(at) {
                Some(b'"') => lex::plain_end(bytes, at + 1, b'"'),
                Some(b'}') if self.state == State::FirstName => {
                    self.state = State::After;
                    return Way::On(at);
                }
                _ => return Way::Stop(at),
            };
            if bytes.get(name_end) != Some(&b'"') {
                return Way::Stop(at);
            }
            let colon = lex::skip_space(bytes, name_end + 1);
            if bytes.get(colon) != Some(&b':') {
                return Way::Stop(at);
            }
            let name = &text[at + 1..name_end];
            let value = lex::skip_space(bytes, colon + 1);
            let Some(&byte) = bytes.get(value) else {
                return Way::Stop(at);
            };
            if BUILD && !self.is_wanted(name) {
                let Some((_, end)) = scalar::<false>(text, value, byte) else {
                    self.state = State::Unread;
                    return Way::Stop(value);
                };
                at = end;
                self.state = State::After;
                if bytes.get(at) != Some(&b',') {
                    return Way::On(at);
                }
                at += 1;
                self.state = State::NextName;
                continue;
            }
            if let b'{' | b'[' = byte {
                if self.is_full() {
                    return Way::Stop(at);
                }
                if BUILD {
                    self.begin_member(name, Value::Null);
                }
                self.open(byte == b'{');
                return Way::On(value + 1);
            }
            let Some((value, end)) = scalar::<BUILD>(text, value, byte) else {
                return Way::Stop(at);
            };
            if BUILD {
                self.begin_member(name, value);
            }
            at = end;
            if bytes.get(at) != Some(&b',') {
                self.state = State::After;
                return Way::On(at);
            }
            at += 1;
            self.state = State::NextName;
        }
    }

    /// Items that are scalars, up to one that is not, or the end of the array.
    #[inline]
    fn quick_items<const BUILD: bool>(&mut self, text: &str, mut at: usize) -> Way {
        let bytes = text.as_bytes();
        loop {
            at = lex::skip_space(bytes, at);
            let Some(&byte) = bytes.get(at) else {
                return Way::Stop(at);
            };
            if let b'{' | b'[' = byte {
                if self.is_full() {
                    return Way::Stop(at);
                }
                self.open(byte == b'{');
                return Way::On(at + 1);
            }
            if byte == b']' && self.state == State::FirstItem {
                self.state = State::After;
                return Way::On(at);
            }
            let Some((value, end)) = scalar::<BUILD>(text, at, byte) else {
                return Way::Stop(at);
            };
            if BUILD {
                self.push_item(value);
            }
            at = end;
            if bytes.get(at) != Some(&b',') {
                self.state = State::After;
                return Way::On(at);
            }
            at += 1;
            self.state = State::NextItem;
        }
    }

    /// A comma or an end.
    #[inline]
    fn quick_after<const BUILD: bool>(&mut self, bytes: &[u8], at: usize) -> Way {
        let at = lex::skip_space(bytes, at);
        let Some(is_object) = self.is_object() else {
            return Way::Stop(at);
        };
        match (bytes.get(at), is_object) {
            (Some(b','), true) => self.state = State::NextName,
            (Some(b','), false) => self.state = State::NextItem,
            (Some(b'}'), true) | (Some(b']'), false) => {
                let Some(value) = self.quick_close::<BUILD>() else {
                    return Way::Stop(at);
                };
                if self.is_object().is_none() {
                    self.state = State::Value;
                    return Way::Done(value, at + 1);
                }
                self.put::<BUILD>(value);
            }
            _ => return Way::Stop(at),
        }
        Way::On(at + 1)
    }
}

/// A string, number or literal that is plain.
#[inline(always)]
fn scalar<const BUILD: bool>(text: &str, at: usize, byte: u8) -> Option<(Value, usize)> {
    let bytes = text.as_bytes();
    let literal = |word: &[u8]| bytes.get(at..at + word.len()) == Some(word);
    match byte {
        b'"' => {
            let end = lex::plain_end(bytes, at + 1, b'"');
            if bytes.get(end) != Some(&b'"') {
                return None;
            }
            let value = match BUILD {
                true => Value::String(Text::from(&text[at + 1..end])),
                false => Value::Null,
            };
            Some((value, end + 1))
        }
        b'0'..=b'9' | b'-' => number::<BUILD>(text, at),
        b't' if literal(b"true") => Some((Value::Bool(true), at + 4)),
        b'f' if literal(b"false") => Some((Value::Bool(false), at + 5)),
        b'n' if literal(b"null") => Some((Value::Null, at + 4)),
        _ => None,
    }
}

/// A whole number of up to 18 digits, or digits on both sides of a point.
#[inline(always)]
fn number<const BUILD: bool>(text: &str, start: usize) -> Option<(Value, usize)> {
    let bytes = text.as_bytes();
    let is_negative = bytes[start] == b'-';
    let first = start + usize::from(is_negative);
    let mut at = first;
    let mut int: i64 = 0;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        int = int.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        at += 1;
    }
    let digits = at - first;
    if digits == 0 || (bytes[first] == b'0' && (digits > 1 || is_negative)) {
        return None;
    }
    match *bytes.get(at)? {
        b'.' => {
            let point = at;
            at += 1;
            while let Some(b'0'..=b'9') = bytes.get(at) {
                at += 1;
            }
            if at == point + 1 || matches!(*bytes.get(at)?, b'e' | b'E') {
                return None;
            }
            let value = match BUILD {
                true => Value::Number(Number::Text(Text::from(&text[start..at]))),
                false => Value::Null,
            };
            Some((value, at))
        }
        b'e' | b'E' => None,
        _ if digits > 18 => None,
        _ => {
            let int = if is_negative { -int } else { int };
            Some((Value::Number(Number::Int(int)), at))
        }
    }
}
