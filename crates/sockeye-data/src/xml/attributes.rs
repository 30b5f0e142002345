//! The inside of a start tag: a name, and attributes that stand once (XML 1.0, section 3.1).

use std::ops::Range;

use super::dtd::Defaults;
use super::entities::{Budget, Entities, expand_value};
use super::{Fault, names};

/// Names and values of one tag; the memory serves the next one.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    text: String,
    spans: Vec<(Range<usize>, Range<usize>)>,
    order: Vec<u32>,
}

/// What bounds a tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) attributes: usize,
    pub(super) name: usize,
}

impl Attributes {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = &self.text;
        let spans = self.spans.iter();
        spans.map(|(name, value)| (&text[name.clone()], &text[value.clone()]))
    }

    /// Take in the inside of a tag; gives the length of the name back.
    pub(super) fn parse(
        &mut self,
        tag: &str,
        bounds: Bounds,
        entities: &Entities,
        budget: &mut Budget,
    ) -> Result<usize, Fault> {
        self.clear();
        let name = names::name_len(tag);
        if name == 0 {
            let why = "\"<\" is followed by no name";
            return Err(Fault::new(0, why).with_hint("write &lt; for the character itself"));
        }
        check_len(name, 0, bounds)?;
        let mut at = name;
        loop {
            let blank = blanks(&tag[at..]);
            at += blank;
            if at == tag.len() {
                break;
            }
            if blank == 0 {
                return Err(Fault::new(at, "a blank is missing before an attribute"));
            }
            at = self.parse_one(tag, at, bounds, entities, budget)?;
        }
        self.check_unique()?;
        Ok(name)
    }

    fn parse_one(
        &mut self,
        tag: &str,
        start: usize,
        bounds: Bounds,
        entities: &Entities,
        budget: &mut Budget,
    ) -> Result<usize, Fault> {
        let bytes = tag.as_bytes();
        let len = names::name_len(&tag[start..]);
        if len == 0 {
            return Err(Fault::new(start, "the name of an attribute is missing"));
        }
        check_len(len, start, bounds)?;
        if self.spans.len() == bounds.attributes {
            let why = format!("an element has more than {} attributes", bounds.attributes);
            return Err(Fault::limit(start, why));
        }
        let name = &tag[start..start + len];
        let mut at = start + len;
        at += blanks(&tag[at..]);
        if bytes.get(at) != Some(&b'=') {
            return Err(Fault::new(
                at,
                format!("the attribute {name:?} has no value"),
            ));
        }
        at += 1;
        at += blanks(&tag[at..]);
        let Some(quote @ (b'"' | b'\'')) = bytes.get(at).copied() else {
            let why = format!("the value of the attribute {name:?} has no quotes");
            return Err(Fault::new(at, why));
        };
        let from = at + 1;
        let Some(end) = memchr::memchr(quote, &bytes[from..]) else {
            return Err(Fault::new(at, "a quote is missing at the end of a value"));
        };
        let value = &tag[from..from + end];
        if memchr::memchr(b'<', value.as_bytes()).is_some() {
            return Err(Fault::new(from, "\"<\" within the value of an attribute"));
        }
        let name_at = self.text.len();
        self.text.push_str(name);
        let value_at = self.text.len();
        expand_value(value, from, &mut self.text, entities, budget)?;
        self.spans
            .push((name_at..value_at, value_at..self.text.len()));
        Ok(from + end + 1)
    }

    fn check_unique(&mut self) -> Result<(), Fault> {
        let (text, spans) = (&self.text, &self.spans);
        let name = |at: u32| &text[spans[at as usize].0.clone()];
        let twice = if spans.len() <= 8 {
            (1..spans.len() as u32).find(|&at| (0..at).any(|before| name(before) == name(at)))
        } else {
            self.order.clear();
            self.order.extend(0..spans.len() as u32);
            self.order.sort_unstable_by_key(|&at| name(at));
            let pairs = self.order.windows(2);
            pairs
                .filter(|pair| name(pair[0]) == name(pair[1]))
                .map(|pair| pair[1])
                .next()
        };
        match twice {
            Some(at) => Err(Fault::new(
                0,
                format!("the attribute {:?} stands twice", name(at)),
            )),
            None => Ok(()),
        }
    }

    /// What the document's declarations say about these attributes: values of tokens lose blanks, missing ones get defaults.
    pub(super) fn complete(&mut self, defaults: &[Defaults]) {
        for declared in defaults {
            let place = self
                .spans
                .iter()
                .position(|(name, _)| self.text[name.clone()] == *declared.name);
            match (place, &declared.value) {
                (Some(place), _) if declared.tokens => {
                    let value = collapse(&self.text[self.spans[place].1.clone()]);
                    let start = self.text.len();
                    self.text.push_str(&value);
                    self.spans[place].1 = start..self.text.len();
                }
                (None, Some(value)) => {
                    let start = self.text.len();
                    self.text.push_str(&declared.name);
                    let middle = self.text.len();
                    self.text.push_str(value);
                    self.spans.push((start..middle, middle..self.text.len()));
                }
                _ => {}
            }
        }
    }
}

/// Without spaces at the ends, and with one where there are several. Other blanks come from references and stay.
pub(super) fn collapse(value: &str) -> String {
    let words = value.split(' ').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn blanks(text: &str) -> usize {
    text.bytes()
        .take_while(|&byte| names::is_space(byte))
        .count()
}

fn check_len(len: usize, at: usize, bounds: Bounds) -> Result<(), Fault> {
    if len <= bounds.name {
        return Ok(());
    }
    let why = format!("a name is longer than {} bytes", bounds.name);
    Err(Fault::limit(at, why))
}
