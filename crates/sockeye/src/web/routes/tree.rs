//! The tree of patterns: one node for each segment, so that a path is looked up without a look at every route.

use std::collections::BTreeMap;

use super::pattern::{Part, Pattern};
use crate::web::handler::Shared;

/// What has the same pattern up to here.
#[derive(Default)]
pub(super) struct Node {
    texts: BTreeMap<Vec<u8>, Node>,
    param: Option<Box<Node>>,
    leaf: Option<Leaf>,
    rest: Option<Leaf>,
    mount: Option<Mount>,
}

/// The handlers of one pattern.
pub(super) struct Leaf {
    pattern: Pattern,
    methods: BTreeMap<String, Shared>,
    any: Option<Shared>,
}

/// A handler for everything beneath a place.
pub(super) struct Mount {
    pub(super) pattern: String,
    pub(super) depth: usize,
    names: Vec<(String, usize)>,
    pub(super) handler: Shared,
}

/// What a path leads to.
pub(super) enum Found<'a> {
    Leaf(&'a Leaf),
    Mount(&'a Mount),
}

/// Who answers a method.
pub(super) enum Answering<'a> {
    Handler(&'a Shared),
    /// OPTIONS, by us: what is allowed.
    Options(String),
    /// Nobody: what is allowed.
    Refused(String),
}

/// Parameters of a request: names and values.
pub(super) type Params = Vec<(String, String)>;

impl Node {
    pub(super) fn add_method(
        &mut self,
        pattern: Pattern,
        method: &str,
        handler: Shared,
    ) -> Result<(), String> {
        let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_method {
            return Err(format!("`{}` is no method", method.escape_debug()));
        }
        let leaf = self.leaf(&pattern)?;
        if leaf.methods.contains_key(method) {
            return Err(twice(&format!("{method} {}", pattern.text), leaf));
        }
        leaf.methods.insert(method.to_owned(), handler);
        Ok(())
    }

    pub(super) fn add_any(&mut self, pattern: Pattern, handler: Shared) -> Result<(), String> {
        let leaf = self.leaf(&pattern)?;
        if leaf.any.is_some() {
            return Err(twice(&pattern.text, leaf));
        }
        leaf.any = Some(handler);
        Ok(())
    }

    pub(super) fn add_mount(&mut self, pattern: Pattern, handler: Shared) -> Result<(), String> {
        if pattern.parts.contains(&Part::Rest) {
            let text = &pattern.text;
            return Err(format!(
                "`{text}` is no route: a mount has all that is left anyway"
            ));
        }
        let node = self.node(&pattern.parts);
        if let Some(mount) = &node.mount {
            return Err(format!(
                "{} has two mounts, the other is {}",
                pattern.text, mount.pattern
            ));
        }
        node.mount = Some(Mount {
            depth: pattern.parts.len(),
            pattern: pattern.text,
            names: pattern.names,
            handler,
        });
        Ok(())
    }

    /// The node of these parts, made if need be.
    fn node(&mut self, parts: &[Part]) -> &mut Self {
        let mut node = self;
        for part in parts {
            node = match part {
                Part::Text(text) => node.texts.entry(text.clone()).or_default(),
                Part::Param => node.param.get_or_insert_default(),
                Part::Rest => node,
            };
        }
        node
    }

    fn leaf(&mut self, pattern: &Pattern) -> Result<&mut Leaf, String> {
        let node = self.node(&pattern.parts);
        let place = match pattern.parts.last() {
            Some(Part::Rest) => &mut node.rest,
            _ => &mut node.leaf,
        };
        let leaf = place.get_or_insert_with(|| Leaf {
            pattern: pattern.clone(),
            methods: BTreeMap::new(),
            any: None,
        });
        if leaf.pattern.names != pattern.names {
            return Err(format!(
                "{} and {} are the same place under different names",
                leaf.pattern.text, pattern.text
            ));
        }
        Ok(leaf)
    }

    /// The most precise pattern for this path. Each node is looked at once at most.
    pub(super) fn find(&self, segments: &[Vec<u8>]) -> Option<Found<'_>> {
        let Some((first, others)) = segments.split_first() else {
            let leaf = self.leaf.as_ref().map(Found::Leaf);
            return leaf.or_else(|| self.mount.as_ref().map(Found::Mount));
        };
        let text = self.texts.get(first).and_then(|node| node.find(others));
        text.or_else(|| {
            let param = self.param.as_ref().filter(|_| !first.is_empty());
            param.and_then(|node| node.find(others))
        })
        .or_else(|| self.rest.as_ref().map(Found::Leaf))
        .or_else(|| self.mount.as_ref().map(Found::Mount))
    }

    /// All patterns, for those who debug.
    pub(super) fn patterns(&self) -> Vec<&str> {
        let here = [&self.leaf, &self.rest].into_iter().flatten();
        let mut found: Vec<&str> = here.map(|leaf| leaf.pattern.text.as_str()).collect();
        found.extend(self.mount.as_ref().map(|mount| mount.pattern.as_str()));
        let nodes = self.texts.values().chain(self.param.as_deref());
        found.extend(nodes.flat_map(Self::patterns));
        found
    }
}

fn twice(what: &str, leaf: &Leaf) -> String {
    match leaf.pattern.text == what || what.ends_with(&format!(" {}", leaf.pattern.text)) {
        true => format!("{what} has two handlers"),
        false => format!(
            "{what} has two handlers, the other as {}",
            leaf.pattern.text
        ),
    }
}

impl Leaf {
    pub(super) fn answering(&self, method: &str) -> Answering<'_> {
        let own = self.methods.get(method);
        let own = own.or_else(|| match method {
            "HEAD" => self.methods.get("GET"),
            _ => None,
        });
        match (own.or(self.any.as_ref()), method) {
            (Some(handler), _) => Answering::Handler(handler),
            (None, "OPTIONS") => Answering::Options(self.allow()),
            (None, _) => Answering::Refused(self.allow()),
        }
    }

    /// The value of `Allow`.
    fn allow(&self) -> String {
        let mut methods: Vec<&str> = self.methods.keys().map(String::as_str).collect();
        methods.push("OPTIONS");
        if self.methods.contains_key("GET") {
            methods.push("HEAD");
        }
        methods.sort_unstable();
        methods.dedup();
        methods.join(", ")
    }

    pub(super) fn params(&self, segments: &[Vec<u8>]) -> Result<Params, &'static str> {
        let rest = match self.pattern.parts.last() {
            Some(Part::Rest) => Some(self.pattern.parts.len() - 1),
            _ => None,
        };
        params(&self.pattern.names, rest, segments)
    }

    /// For notes: what matched, and what it found.
    pub(super) fn describe(&self, method: &str, params: &Params) -> String {
        let values = params.iter().map(|(name, value)| {
            let value = sockeye_data::escape::escape(value.as_bytes());
            format!("; {name} = {value}")
        });
        let how = match self.answering(method) {
            Answering::Handler(_) => "",
            Answering::Options(_) => " (answered by the router)",
            Answering::Refused(_) => " has other methods",
        };
        let values: String = values.collect();
        format!("{method} {}{how}{values}", self.pattern.text)
    }
}

impl Mount {
    pub(super) fn params(&self, segments: &[Vec<u8>]) -> Result<Params, &'static str> {
        params(&self.names, None, segments)
    }
}

/// The values of these names; `rest` is where all that is left begins.
fn params(
    names: &[(String, usize)],
    rest: Option<usize>,
    segments: &[Vec<u8>],
) -> Result<Params, &'static str> {
    let mut params = Vec::with_capacity(names.len());
    for (name, at) in names {
        let value = match rest {
            Some(begin) if begin == *at => {
                let left = segments.get(begin..).unwrap_or_default();
                if left.iter().any(|segment| segment.contains(&b'/')) {
                    // Nobody could tell it from a slash that parts segments.
                    return Err("the path has a coded slash in it");
                }
                left.join(&b'/')
            }
            _ => segments.get(*at).cloned().unwrap_or_default(),
        };
        let value = String::from_utf8(value).map_err(|_| "the path is not UTF-8")?;
        params.push((name.clone(), value));
    }
    Ok(params)
}
