//! JSON out of items, as in httpie: `a[b][]=x` puts a text at the end of a list in an object in an object.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// The highest index: an item of a few bytes must not become a list of millions.
const HIGHEST: usize = 9999;
/// How deep items may be nested.
const DEEPEST: usize = 64;

/// A value being put together. Objects keep the order in which their fields came.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Node {
    /// Nothing yet; `null` if nothing comes.
    #[default]
    Unset,
    /// An object.
    Object(Vec<(String, Node)>),
    /// A list.
    List(Vec<Node>),
    /// Anything, as it was written in JSON.
    Written(String),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
    Append,
}

impl Node {
    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self::Written(serde_json::Value::from(text).to_string())
    }

    /// What is written in JSON already. It is kept to the letter, blanks around it apart.
    ///
    /// # Errors
    ///
    /// Why it is no JSON, and where.
    pub(super) fn written(json: &str) -> Result<Self, String> {
        match serde_json::from_str::<serde::de::IgnoredAny>(json) {
            Ok(_) => Ok(Self::Written(json.trim().to_owned())),
            Err(error) => Err(format!("it is no JSON: {error}")),
        }
    }

    /// Put a value where the name of an item points.
    ///
    /// # Errors
    ///
    /// Why that is no place.
    pub(super) fn put(&mut self, name: &str, value: Self) -> Result<(), String> {
        let steps = steps(name)?;
        let mut here = self;
        for (taken, step) in steps.iter().enumerate() {
            here = here.enter(step).map_err(|is| {
                let before = shown(&steps[..taken]);
                format!(
                    "{before} is {is}, which has no place for {}",
                    shown_one(step)
                )
            })?;
        }
        *here = value;
        Ok(())
    }

    /// The place within this value; made if it is not there.
    fn enter(&mut self, step: &Step) -> Result<&mut Self, &'static str> {
        if let Self::Written(text) = self {
            // It was checked when it was put there.
            if let Ok(read) = serde_json::from_str(text) {
                *self = read;
            }
        }
        if *self == Self::Unset {
            *self = match step {
                Step::Key(_) => Self::Object(Vec::new()),
                Step::Index(_) | Step::Append => Self::List(Vec::new()),
            };
        }
        match (self, step) {
            (Self::Object(fields), Step::Key(key)) => {
                let at = match fields.iter().position(|(name, _)| name == key) {
                    Some(at) => at,
                    None => {
                        fields.push((key.clone(), Self::Unset));
                        fields.len() - 1
                    }
                };
                Ok(&mut fields[at].1)
            }
            (Self::List(values), Step::Index(_) | Step::Append) => {
                let at = match step {
                    Step::Index(index) => *index,
                    _ => values.len(),
                };
                if values.len() <= at {
                    values.resize(at + 1, Self::Unset);
                }
                Ok(&mut values[at])
            }
            (Self::Object(_), _) => Err("an object"),
            (Self::List(_), _) => Err("a list"),
            (Self::Unset | Self::Written(_), _) => Err("a plain value"),
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => f.write_str("null"),
            Self::Written(json) => f.write_str(json),
            Self::List(values) => {
                f.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{value}")?;
                }
                f.write_str("]")
            }
            Self::Object(fields) => {
                f.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", serde_json::Value::from(&**name))?;
                }
                f.write_str("}")
            }
        }
    }
}

/// The path that a name describes: `a[b][0][]`. A backslash takes the meaning from a bracket, a backslash, or a number.
fn steps(name: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut letters = name.char_indices().peekable();
    let mut key = String::new();
    while let Some((_, letter)) = letters.next_if(|(_, letter)| *letter != '[') {
        match letter {
            ']' => return Err("a `]` without its `[`".into()),
            '\\' => push_escaped(&mut letters, &mut key),
            plain => key.push(plain),
        }
    }
    if !name.starts_with('[') {
        steps.push(Step::Key(key));
    }
    while let Some((at, letter)) = letters.next() {
        if letter != '[' {
            return Err(format!("`{letter}` behind a `]`, where only `[` may stand"));
        }
        let (mut inner, mut is_escaped) = (String::new(), false);
        loop {
            match letters.next() {
                Some((_, ']')) => break,
                Some((_, '[')) => return Err("a `[` within brackets; \\[ is the character".into()),
                Some((_, '\\')) => {
                    is_escaped = true;
                    push_escaped(&mut letters, &mut inner);
                }
                Some((_, plain)) => inner.push(plain),
                None => {
                    let column = name[..at].chars().count() + 1;
                    return Err(format!("the `[` at column {column} is not closed"));
                }
            }
        }
        steps.push(step(inner, is_escaped)?);
        if steps.len() > DEEPEST {
            return Err(format!("it is nested more than {DEEPEST} deep"));
        }
    }
    Ok(steps)
}

fn step(inner: String, is_escaped: bool) -> Result<Step, String> {
    let is_number = !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit());
    if inner.is_empty() {
        return Ok(Step::Append);
    }
    if is_escaped || !is_number {
        return Ok(Step::Key(inner));
    }
    match inner.parse() {
        Ok(index) if index <= HIGHEST => Ok(Step::Index(index)),
        _ => Err(format!("the index {inner} is above {HIGHEST}, the highest")),
    }
}

fn push_escaped(letters: &mut impl Iterator<Item = (usize, char)>, out: &mut String) {
    match letters.next() {
        Some((_, special @ ('[' | ']' | '\\'))) => out.push(special),
        Some((_, digit)) if digit.is_ascii_digit() => out.push(digit),
        Some((_, other)) => {
            out.push('\\');
            out.push(other);
        }
        None => out.push('\\'),
    }
}

fn shown(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "the whole".into();
    }
    let mut text = String::from("`");
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) if at == 0 => text.push_str(key),
            step => text.push_str(&shown_one(step)),
        }
    }
    text.push('`');
    text
}

fn shown_one(step: &Step) -> String {
    match step {
        Step::Key(key) => format!("[{key}]"),
        Step::Index(index) => format!("[{index}]"),
        Step::Append => "[]".into(),
    }
}

/// Reads JSON and keeps the order of fields.
impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;

        fn plain<E>(value: impl Into<serde_json::Value>) -> Result<Node, E> {
            Ok(Node::Written(value.into().to_string()))
        }

        impl<'de> Visitor<'de> for Reads {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                plain(value)
            }

            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                plain(value)
            }

            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                plain(value)
            }

            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                plain(value)
            }

            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                plain(value)
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Written("null".into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = access.next_element()? {
                    values.push(value);
                }
                Ok(Node::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = access.next_entry()? {
                    fields.push(field);
                }
                Ok(Node::Object(fields))
            }
        }

        deserializer.deserialize_any(Reads)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn built(items: &[(&str, &str)]) -> Result<String, String> {
        let mut root = Node::default();
        for (name, json) in items {
            root.put(name, Node::written(json)?)?;
        }
        Ok(root.to_string())
    }

    #[test]
    fn names_say_where_values_go() {
        for (items, json) in [
            (&[("b", "1"), ("a", "\"x\"")][..], r#"{"b":1,"a":"x"}"#),
            (&[("a[b][]", "1"), ("a[b][]", "2")], r#"{"a":{"b":[1,2]}}"#),
            (&[("a[2]", "1")], r#"{"a":[null,null,1]}"#),
            (&[("[]", "1"), ("[]", "2")], "[1,2]"),
            (&[("[k]", "1")], r#"{"k":1}"#),
            (&[("[][k]", "1"), ("[0][l]", "2")], r#"[{"k":1,"l":2}]"#),
            (&[(r"a\[b\]", "1")], r#"{"a[b]":1}"#),
            (&[(r"a[\1]", "1")], r#"{"a":{"1":1}}"#),
            (&[("7", "1")], r#"{"7":1}"#),
            (&[("a", "1"), ("a", "2")], r#"{"a":2}"#),
            (
                &[("a", r#"{"z":1.0,"b":[]}"#), ("a[b][]", "2")],
                r#"{"a":{"z":1.0,"b":[2]}}"#,
            ),
            (&[("a", " 1.10 ")], r#"{"a":1.10}"#),
            (
                &[("a", "12345678901234567890123")],
                r#"{"a":12345678901234567890123}"#,
            ),
        ] {
            assert_eq!(built(items).unwrap(), json, "{items:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        for (items, why) in [
            (&[("a[b", "1")][..], "the `[` at column 2 is not closed"),
            (&[("ä]", "1")], "a `]` without its `[`"),
            (&[("a[b]c", "1")], "`c` behind a `]`"),
            (&[("a[[b]]", "1")], "within brackets"),
            (
                &[("a", "1"), ("a[b]", "2")],
                "`a` is a plain value, which has no place for [b]",
            ),
            (
                &[("a[b]", "1"), ("a[]", "2")],
                "`a` is an object, which has no place for []",
            ),
            (&[("[]", "1"), ("a", "2")], "the whole is a list"),
            (&[("a[10000]", "1")], "above 9999"),
            (&[("a[99999999999999999999999]", "1")], "above 9999"),
            (&[("a", "{")], "it is no JSON: EOF"),
            (
                &[("a", "'x'")],
                "it is no JSON: expected value at line 1 column 1",
            ),
        ] {
            let refused = built(items).unwrap_err();
            assert!(refused.contains(why), "{items:?}: {refused}");
        }
        let deep = format!("a{}", "[b]".repeat(100));
        assert!(built(&[(&deep, "1")]).unwrap_err().contains("64 deep"));
    }
}
