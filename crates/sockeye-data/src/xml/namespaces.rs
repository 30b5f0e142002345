//! Prefixes must be declared (Namespaces in XML 1.0). Nothing is translated: names stay as they are written.

use super::attributes::Attributes;
use super::{Fault, names};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// The prefixes that are declared where the reader is.
#[derive(Debug, Default)]
pub(super) struct Scope {
    bound: Vec<Binding>,
}

#[derive(Debug)]
struct Binding {
    depth: usize,
    prefix: String,
    name: String,
}

impl Scope {
    /// Check a start tag, whose element is the `depth`th within each other.
    pub(super) fn enter(
        &mut self,
        element: &str,
        attributes: &Attributes,
        depth: usize,
    ) -> Result<(), Fault> {
        let mut prefixed = 0;
        for (name, value) in attributes.iter() {
            if !name.contains(':') {
                if name == "xmlns" && matches!(value, XML | XMLNS) {
                    return Err(Fault::new(
                        0,
                        format!("{value:?} cannot be the default namespace"),
                    ));
                }
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.declare(name, prefix, value, depth)?;
            } else {
                prefixed += 1;
            }
        }
        self.check(element)?;
        if prefixed == 0 {
            return Ok(());
        }
        let mut known: Vec<(&str, &str)> = Vec::new();
        for (name, _) in attributes.iter() {
            if name.contains(':') && !name.starts_with("xmlns:") {
                let namespace = self.check(name)?;
                let local = name.split_once(':').map_or(name, |(_, local)| local);
                known.push((namespace, local));
            }
        }
        known.sort_unstable();
        if let Some(pair) = known.windows(2).find(|pair| pair[0] == pair[1]) {
            let (namespace, local) = pair[0];
            let why =
                format!("the attribute {local:?} of the namespace {namespace:?} stands twice");
            return Err(Fault::new(0, why));
        }
        Ok(())
    }

    /// The element is over.
    pub(super) fn leave(&mut self, depth: usize) {
        while self.bound.last().is_some_and(|last| last.depth >= depth) {
            self.bound.pop();
        }
    }

    fn declare(
        &mut self,
        whole: &str,
        prefix: &str,
        name: &str,
        depth: usize,
    ) -> Result<(), Fault> {
        if !names::is_qname(whole) {
            return Err(no_qname(whole));
        }
        let wrong = match prefix {
            "xml" => name != XML,
            "xmlns" => true,
            _ => matches!(name, XML | XMLNS),
        };
        if wrong {
            let why = format!("the prefix {prefix:?} cannot be declared as {name:?}");
            return Err(Fault::new(0, why));
        }
        if name.is_empty() {
            let why = format!("the prefix {prefix:?} is declared as nothing");
            return Err(Fault::new(0, why));
        }
        self.bound.push(Binding {
            depth,
            prefix: prefix.to_owned(),
            name: name.to_owned(),
        });
        Ok(())
    }

    /// The namespace of the prefix that a name has.
    fn check(&self, name: &str) -> Result<&str, Fault> {
        let Some((prefix, _)) = name.split_once(':') else {
            return Ok("");
        };
        if !names::is_qname(name) {
            return Err(no_qname(name));
        }
        if prefix == "xml" {
            return Ok(XML);
        }
        let known = self.bound.iter().rev().find(|known| known.prefix == prefix);
        known.map(|known| known.name.as_str()).ok_or_else(|| {
            Fault::new(
                0,
                format!("the prefix {prefix:?} of {name:?} is not declared"),
            )
            .with_hint("look at names without namespaces: --ignore-namespaces")
        })
    }
}

fn no_qname(name: &str) -> Fault {
    Fault::new(0, format!("{name:?} is no name with a prefix"))
}
