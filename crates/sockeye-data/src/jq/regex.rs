//! Regular expressions: the syntax of jq's Oniguruma as far as `fancy-regex` has it, in bounded time. What was compiled is kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use fancy_regex::{Captures, Regex, RegexBuilder};
use jaq_core::native::{bome, v};

use super::basics::{Plain, natives_of};
use super::engine::Natives;
use super::values::{Error, cannot, fail};
use crate::value::{Object, Text, Value};

/// As many steps back a search may take, where an expression looks around or refers back. All others need none.
const MOST_STEPS: usize = 1_000_000;

/// As many bytes an expression may take once it is compiled, where it takes no steps back; the same as in the crate `regex`.
const MOST_BYTES: usize = 10 << 20;

/// As many instructions where it does: calls of groups can make many of few.
const MOST_INSTRUCTIONS: usize = 100_000;

/// As many compiled expressions each thread keeps.
const KEPT: usize = 64;

type Known = HashMap<(Text, Text), Rc<Expression>>;

thread_local! {
    static KNOWN: RefCell<Known> = RefCell::new(HashMap::new());
}

pub(super) fn natives() -> Natives {
    let plain: Vec<Plain> = vec![("_match", v(3), |mut cv| {
        let (testing, flags, pattern) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
        bome(search(
            &cv.1,
            &pattern,
            &flags,
            testing == Value::Bool(true),
        ))
    })];
    natives_of(plain)
}

/// An expression with its flags.
struct Expression {
    regex: Regex,
    names: Vec<Option<Text>>,
    global: bool,
    /// Whether empty matches count.
    empty: bool,
}

impl Expression {
    fn new(pattern: &str, flags: &str) -> Result<Self, Error> {
        let mut builder = RegexBuilder::new(pattern);
        builder
            .backtrack_limit(MOST_STEPS)
            .delegate_size_limit(MOST_BYTES)
            .max_prog_size(MOST_INSTRUCTIONS);
        let (mut global, mut empty) = (false, true);
        for flag in flags.chars() {
            match flag {
                'g' => global = true,
                'n' => empty = false,
                'i' => drop(builder.case_insensitive(true)),
                'x' => drop(builder.ignore_whitespace(true)),
                // In jq's dialect, a dot that matches newlines is "multi-line", and ^ and $ stand for the text's ends by themselves.
                'm' | 'p' => drop(builder.dot_matches_new_line(true)),
                's' => {}
                'l' => drop(builder.leftmost_longest(true)),
                _ => return fail(format!("{flags} is not a valid modifier string")),
            }
        }
        let regex = builder.build();
        let regex = regex.or_else(|error| {
            fail(format!(
                "{pattern} (at offset 0) is not a valid regex: {error}"
            ))
        })?;
        let names = regex
            .capture_names()
            .map(|name| name.map(Text::from))
            .collect();
        Ok(Self {
            regex,
            names,
            global,
            empty,
        })
    }
}

fn known(pattern: &Text, flags: &Text) -> Result<Rc<Expression>, Error> {
    let key = (pattern.clone(), flags.clone());
    if let Some(expression) = KNOWN.with_borrow(|known| known.get(&key).cloned()) {
        return Ok(expression);
    }
    let expression = Rc::new(Expression::new(pattern, flags)?);
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, expression.clone());
    });
    Ok(expression)
}

fn search(value: &Value, pattern: &Value, flags: &Value, testing: bool) -> Result<Value, Error> {
    let Value::String(text) = value else {
        return cannot(value, "cannot be matched, as it is not a string");
    };
    let Value::String(pattern) = pattern else {
        return cannot(pattern, "is not a string");
    };
    let flags = match flags {
        Value::String(flags) => flags.clone(),
        Value::Null => Text::new(),
        _ => return cannot(flags, "is not a string"),
    };
    let expression = known(pattern, &flags)?;
    if testing && expression.empty {
        return expression
            .regex
            .is_match(&**text)
            .map(Value::from)
            .or_else(|error| too_much(&error));
    }
    let mut places = Places {
        text,
        byte: 0,
        count: 0,
    };
    let (mut found, mut from) = (Vec::new(), 0);
    while from <= text.len() {
        let next = expression
            .regex
            .captures_from_pos(&**text, from)
            .or_else(|error| too_much(&error))?;
        let Some(captures) = next else {
            break;
        };
        let whole = captures.get(0).map_or(0..0, |whole| whole.range());
        from = match whole.is_empty() {
            true => after_character(text, whole.end),
            false => whole.end,
        };
        if !whole.is_empty() || expression.empty {
            if testing {
                return Ok(true.into());
            }
            found.push(one_match(&captures, &expression, &mut places));
            if !expression.global {
                break;
            }
        }
    }
    Ok(if testing {
        false.into()
    } else {
        Value::array(found)
    })
}

fn too_much<T>(error: &fancy_regex::Error) -> Result<T, Error> {
    fail(format!("Regex failure: {error}"))
}

/// The place behind the character that begins at `at`.
fn after_character(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

/// Counts characters up to a byte; quick where bytes come in order.
struct Places<'t> {
    text: &'t str,
    byte: usize,
    count: usize,
}

impl Places<'_> {
    fn of(&mut self, byte: usize) -> usize {
        if byte < self.byte {
            return self.count - self.text[byte..self.byte].chars().count();
        }
        self.count += self.text[self.byte..byte].chars().count();
        self.byte = byte;
        self.count
    }
}

fn one_match(
    captures: &Captures<'_, str>,
    expression: &Expression,
    places: &mut Places<'_>,
) -> Value {
    let mut groups = Vec::new();
    for at in 1..captures.len() {
        let name = expression.names.get(at).cloned().flatten();
        groups.push(group(captures, at, places, Some(name)));
    }
    let mut whole = group(captures, 0, places, None);
    if let Value::Object(members) = &mut whole {
        std::sync::Arc::make_mut(members).insert("captures".into(), Value::array(groups));
    }
    whole
}

/// One group as jq shows it: where it is, in characters, and what it holds.
fn group(
    captures: &Captures<'_, str>,
    at: usize,
    places: &mut Places<'_>,
    name: Option<Option<Text>>,
) -> Value {
    let mut members = Object::with_capacity(4);
    let mut put = |name: &str, value: Value| {
        members.insert(name.into(), value);
    };
    match captures.get(at) {
        Some(found) => {
            put("offset", places.of(found.start()).into());
            put("length", found.as_str().chars().count().into());
            put("string", found.as_str().into());
        }
        None => {
            put("offset", (-1).into());
            put("length", 0.into());
            put("string", Value::Null);
        }
    }
    if let Some(name) = name {
        put("name", name.map_or(Value::Null, Value::String));
    }
    members.into()
}
