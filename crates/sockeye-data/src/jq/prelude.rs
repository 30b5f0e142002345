//! The functions that every program may call: those in `definitions.jq`, and the native ones. Of the first, a program gets those that
//! it reaches.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use jaq_core::load::Arena;

use super::engine::{Jq, Natives};
use super::rewrite::{Def, Names, Rewriter, Uses};
use super::settings::Function;
use super::{basics, guards, paths, regex, texts, world};

/// A definition with what it refers to.
struct Known {
    definition: Def<'static>,
    calls: Vec<(&'static str, usize)>,
    variables: Vec<&'static str>,
}

/// The definitions, each behind those that it needs.
struct Prelude {
    known: Vec<Known>,
    by_name: HashMap<(&'static str, usize), usize>,
}

fn prelude() -> &'static Prelude {
    static PRELUDE: OnceLock<Prelude> = OnceLock::new();
    PRELUDE.get_or_init(|| {
        let text = include_str!("definitions.jq");
        let parsed = jaq_core::load::parse(text, |parser| parser.defs());
        let definitions = parsed.expect("the definitions are tested to parse");
        // What is made while rewriting lives as long as the process, once.
        let arena: &'static Arena = Box::leak(Box::default());
        let mut prelude = Prelude {
            known: Vec::new(),
            by_name: HashMap::new(),
        };
        for definition in definitions {
            let name = definition.name;
            let key = (name, definition.args.len());
            let mut names = Own { name: key };
            let mut uses = Uses::default();
            let definition =
                Rewriter::new(arena, &mut names, &mut uses).definition(definition, name);
            prelude.by_name.insert(key, prelude.known.len());
            prelude.known.push(Known {
                definition,
                calls: uses.calls.into_iter().collect(),
                variables: uses.variables.into_iter().collect(),
            });
        }
        prelude
    })
}

/// In the prelude, names are what they are.
struct Own {
    name: (&'static str, usize),
}

impl Names<'static> for Own {
    fn function(&mut self, name: &'static str, arguments: usize) -> Option<(&'static str, bool)> {
        ((name, arguments) == self.name).then_some((name, true))
    }

    fn variable(&mut self, _: &'static str) -> Option<&'static str> {
        None
    }

    fn file(&self) -> &'static str {
        "<builtin>"
    }

    fn line(&self, _: &str) -> usize {
        0
    }
}

/// The definitions that these calls reach, and the variables that those refer to are added.
pub(super) fn reached<'s>(uses: &mut Uses<'s>) -> Vec<Def<'s>> {
    // A path calls nothing: whoever starts for one record need not wait until all definitions are read.
    if uses.calls.is_empty() {
        return Vec::new();
    }
    let prelude = prelude();
    let find = |call: (&str, usize)| prelude.by_name.get(&call).copied();
    let mut pending: Vec<usize> = uses.calls.iter().filter_map(|call| find(*call)).collect();
    let mut reached = HashSet::new();
    while let Some(at) = pending.pop() {
        if reached.insert(at) {
            pending.extend(
                prelude.known[at]
                    .calls
                    .iter()
                    .filter_map(|call| find(*call)),
            );
        }
    }
    let mut places: Vec<usize> = reached.into_iter().collect();
    places.sort_unstable();
    let each = places.into_iter().map(|at| {
        let known = &prelude.known[at];
        uses.variables.extend(known.variables.iter().copied());
        uses.calls.extend(known.calls.iter().copied());
        known.definition.clone()
    });
    each.collect()
}

/// All native functions: first those that are given, then ours, then those of jaq whose results are jq's.
pub(super) fn natives(functions: Vec<Function>) -> Natives {
    let mut all = functions;
    all.extend(basics::natives());
    all.extend(texts::natives());
    all.extend(paths::natives());
    all.extend(regex::natives());
    all.extend(world::natives());
    all.extend(guards::natives());
    let of_jaq = jaq_core::funs::<Jq>().chain(jaq_std::funs::<Jq>());
    all.extend(
        of_jaq.filter_map(|(name, arguments, native)| Some((renamed(name)?, arguments, native))),
    );
    all
}

/// Functions of jaq that definitions of ours wrap have other names; those that look out of the process are left out.
fn renamed(name: &'static str) -> Option<&'static str> {
    Some(match name {
        "limit" => "_limit",
        "skip" => "_skip",
        "mktime" => "_mktime",
        "gmtime" => "_gmtime",
        "localtime" => "_localtime",
        "strftime" => "_strftime",
        "strflocaltime" => "_strflocaltime",
        "strptime" => "_strptime",
        "env" | "halt" | "debug_empty" | "stderr_empty" | "matches" | "split_matches"
        | "split_" | "escape_sh" | "escape_html" | "unescape_html" | "encode_uri"
        | "decode_uri" | "encode_base64" | "decode_base64" | "fromdateiso8601"
        | "todateiso8601" => return None,
        name => name,
    })
}

/// All functions by name and number of arguments, for what is near to a name that has no meaning.
pub(super) fn all_names() -> Vec<(&'static str, usize)> {
    let defined = prelude().by_name.keys().copied();
    let natives = natives(Vec::new());
    let natives = natives
        .iter()
        .map(|(name, arguments, _)| (*name, arguments.len()));
    defined.chain(natives).collect()
}
