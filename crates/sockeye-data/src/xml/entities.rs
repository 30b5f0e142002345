//! Entities: what a document declares, what its references expand to, and how much that may be in all (XML 1.0, section 4).

use std::collections::HashMap;
use std::sync::Arc;

use super::{Fault, names};

type Seed = foldhash::fast::RandomState;

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) enum Entity {
    /// Replacement text, in which references to characters are already replaced.
    Internal(Arc<str>),
    /// Outside of the document, with its address.
    External(Arc<str>),
    /// Outside of the document, and no XML.
    Unparsed,
}

/// The entities that a document declares. The first declaration of a name counts.
#[derive(Debug, Default)]
pub(super) struct Entities {
    known: HashMap<String, Entity, Seed>,
    /// Whether there are declarations outside of the document, which nobody reads.
    pub(super) unread: bool,
}

impl Entities {
    pub(super) fn declare(&mut self, name: &str, entity: Entity) {
        self.known.entry(name.to_owned()).or_insert(entity);
    }

    /// The replacement text of a reference that stands at `at`.
    pub(super) fn text(&self, name: &str, at: usize) -> Result<Arc<str>, Fault> {
        match self.known.get(name) {
            Some(Entity::Internal(text)) => Ok(text.clone()),
            Some(Entity::External(address)) => Err(Fault::unsupported(
                at,
                format!(
                    "the entity {name:?} is outside of the document, at {address:?}; external entities are never fetched"
                ),
            )),
            Some(Entity::Unparsed) => Err(Fault::new(
                at,
                format!("the entity {name:?} is not XML, it cannot be referred to in text"),
            )),
            None if self.unread => Err(Fault::unsupported(
                at,
                format!(
                    "the entity {name:?} is not declared in the document; external DTDs are never fetched"
                ),
            )),
            None => Err(
                Fault::new(at, format!("the entity {name:?} is not declared"))
                    .with_hint("XML itself knows lt, gt, amp, apos and quot; those of HTML are known to -f html"),
            ),
        }
    }
}

/// How much references may still expand to, against documents of a few lines that become gigabytes.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    references: u64,
    bytes: u64,
    /// How many bytes of the document were read: large documents may refer more often.
    pub(super) read: u64,
}

impl Budget {
    /// `limit` references, and ten bytes for each.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            references: 0,
            bytes: 0,
            read: 0,
        }
    }

    /// A reference at `at` expands to this many bytes.
    pub(super) fn spend(&mut self, bytes: usize, at: usize) -> Result<(), Fault> {
        self.references += 1;
        self.bytes += bytes as u64;
        let limit = self.limit as u64;
        if self.references > limit.saturating_add(self.read)
            || self.bytes
                > limit
                    .saturating_mul(10)
                    .saturating_add(self.read.saturating_mul(8))
        {
            let why = format!(
                "entities expand to more than {limit} references or {} bytes beyond what a document of this size may need",
                limit.saturating_mul(10)
            );
            return Err(Fault::limit(at, why));
        }
        Ok(())
    }
}

/// Append what `text` stands for as the value of an attribute (section 3.3.3): references are replaced, blanks are spaces.
pub(super) fn expand_value(
    text: &str,
    from: usize,
    out: &mut String,
    entities: &Entities,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let mut at = 0;
    while let Some((name, place)) =
        copy_value(text, &mut at, out).map_err(|fault| fault.plus(from))?
    {
        expand_entity(name, from + place, out, entities, budget)?;
    }
    Ok(())
}

fn expand_entity(
    name: &str,
    at: usize,
    out: &mut String,
    entities: &Entities,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let mut open: Vec<(String, Arc<str>, usize)> = Vec::new();
    let mut next = Some(name.to_owned());
    loop {
        if let Some(name) = next.take() {
            if open.iter().any(|(known, ..)| *known == name) {
                return Err(recursive(&name, at));
            }
            let text = entities.text(&name, at)?;
            budget.spend(text.len(), at)?;
            if memchr::memchr(b'<', text.as_bytes()).is_some() {
                let why =
                    format!("the entity {name:?} brings \"<\" into the value of an attribute");
                return Err(Fault::new(at, why));
            }
            open.push((name, text, 0));
        }
        let Some((name, text, place)) = open.last_mut() else {
            return Ok(());
        };
        let found = copy_value(text, place, out)
            .map_err(|fault| fault.within(name, at))?
            .map(|(name, _)| name.to_owned());
        if found.is_none() {
            open.pop();
        }
        next = found;
    }
}

pub(super) fn recursive(name: &str, at: usize) -> Fault {
    Fault::new(at, format!("the entity {name:?} contains itself"))
}

/// Append up to the next reference that has to be looked up, which is given back with its place.
fn copy_value<'a>(
    text: &'a str,
    at: &mut usize,
    out: &mut String,
) -> Result<Option<(&'a str, usize)>, Fault> {
    loop {
        let rest = &text[*at..];
        let special = |&byte: &u8| matches!(byte, b'&' | b'\t' | b'\n' | b'\r');
        let Some(found) = rest.as_bytes().iter().position(special) else {
            out.push_str(rest);
            *at = text.len();
            return Ok(None);
        };
        out.push_str(&rest[..found]);
        let place = *at + found;
        if rest.as_bytes()[found] != b'&' {
            out.push(' ');
            *at = place + 1;
            continue;
        }
        let name = reference(text, place)?;
        *at = place + name.len() + 2;
        if name.starts_with('#') {
            out.push(names::referenced_char(name).ok_or_else(|| no_char(name, place))?);
        } else if let Some(char) = names::predefined(name) {
            out.push_str(char);
        } else {
            return Ok(Some((name, place)));
        }
    }
}

pub(super) fn no_char(name: &str, at: usize) -> Fault {
    Fault::new(at, format!("\"&{name};\" refers to no character of XML"))
}

/// What is between the `&` at `at` and its `;`: a name, or `#` and a number that is not yet looked at.
pub(super) fn reference(text: &str, at: usize) -> Result<&str, Fault> {
    let inner = &text[at + 1..];
    let len = if let Some(number) = inner.strip_prefix('#') {
        1 + number.bytes().take_while(u8::is_ascii_alphanumeric).count()
    } else {
        names::name_len(inner)
    };
    if len == 0 || inner.as_bytes().get(len) != Some(&b';') {
        let why = "\"&\" does not start a reference that ends in \";\"";
        return Err(Fault::new(at, why).with_hint("write &amp; for the character itself"));
    }
    Ok(&inner[..len])
}
