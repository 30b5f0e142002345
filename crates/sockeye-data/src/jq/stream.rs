//! Which programs run on the elements of a value while it is read, so that a value of any size takes the memory of one element, and
//! why the others do not.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp};
use jaq_core::path::{Opt, Part, Path};

use super::program::Program;
use super::rewrite::{Term, Uses, call, pipe};
use crate::json::{Elements, Step};

/// How a program can take its input.
#[derive(Debug)]
#[non_exhaustive]
pub enum Streaming {
    /// The program begins with a path and iterates, as `.items[] | select(.a)`: what is behind runs on each element at this path by
    /// itself, with what the whole program would yield. After a failure, jq goes on with the next value, not with the next element.
    Each {
        /// Where the elements are.
        path: Elements,
        /// What runs on each.
        program: Program,
    },
    /// The program folds, or stops early, as `reduce .[] as $x (0; . + $x)` or `first(.[] | select(.a))`: this program runs once, on
    /// null, and gets the elements as its inputs. It stands for the whole one only where the input is exactly one value.
    Once {
        /// Where the elements are.
        path: Elements,
        /// What runs once.
        program: Program,
    },
    /// Each value is built whole before the program runs.
    Whole {
        /// Why: a clause that fits behind "built whole because".
        why: String,
    },
}

/// What becomes of a program that streams.
pub(super) enum Plan<'s> {
    Each(Elements, Term<'s>),
    Once(Elements, Term<'s>),
    Whole(String),
}

/// How a program can take its input.
pub(super) fn plan<'s>(term: &Term<'s>, uses: &Uses<'s>) -> Plan<'s> {
    for name in ["input", "inputs", "input_line_number"] {
        if uses.calls.contains(&(name, 0)) {
            return Plan::Whole(format!("`{name}` counts in values, not in elements"));
        }
    }
    if let parse::Term::Def(definitions, inner) = term {
        let around = |inner| parse::Term::Def(definitions.clone(), Box::new(inner));
        return match plan(inner, uses) {
            Plan::Each(path, rest) => Plan::Each(path, around(rest)),
            Plan::Once(path, rest) => Plan::Once(path, around(rest)),
            whole => whole,
        };
    }
    let links = chain(term);
    if let Some((path, rest)) = elements(&links) {
        return Plan::Each(path, rest);
    }
    let (first, behind) = match links.split_first() {
        Some((first, behind)) => (*first, behind),
        None => return Plan::Whole("the program is empty".into()),
    };
    match folded(first, uses) {
        Some((path, once)) => {
            let all = behind
                .iter()
                .fold(once, |all, link| pipe(all, (*link).clone()));
            Plan::Once(path, all)
        }
        None => Plan::Whole(reason(&links)),
    }
}

/// The links of `a | b | c`.
fn chain<'t, 's>(term: &'t Term<'s>) -> Vec<&'t Term<'s>> {
    let mut links = Vec::new();
    let mut pending = vec![term];
    while let Some(term) = pending.pop() {
        match term {
            parse::Term::BinOp(left, BinaryOp::Pipe(None), right) => {
                pending.push(right);
                pending.push(left);
            }
            parse::Term::Id if !(pending.is_empty() && links.is_empty()) => {}
            term => links.push(term),
        }
    }
    links
}

/// The path to elements at the start of a chain, and what is behind it.
fn elements<'s>(links: &[&Term<'s>]) -> Option<(Elements, Term<'s>)> {
    let mut steps = Vec::new();
    let mut rest: Vec<Term<'s>> = Vec::new();
    for (at, link) in links.iter().enumerate() {
        let mut left = Vec::new();
        let is_path = parts(link, &mut steps, &mut left);
        if !is_path {
            rest.extend(links[at..].iter().map(|link| (*link).clone()));
            break;
        }
        if !left.is_empty() {
            rest.push(parse::Term::Path(Box::new(parse::Term::Id), Path(left)));
            rest.extend(links[at + 1..].iter().map(|link| (*link).clone()));
            break;
        }
    }
    let last = steps.iter().rposition(|step| *step == Step::Each)?;
    // Names behind the last iteration are read from the element.
    let names = steps.split_off(last + 1).into_iter().rev();
    for name in names {
        if let Step::Name(name) = name {
            let key = name.chars().map(StrPart::Char).collect();
            let key = Part::Index(parse::Term::Str(None, key));
            let path = Path(vec![(key, Opt::Essential)]);
            rest.insert(0, parse::Term::Path(Box::new(parse::Term::Id), path));
        }
    }
    let rest = rest.into_iter().reduce(pipe).unwrap_or_default();
    Some((Elements::new(steps), rest))
}

/// Part of a path with its question mark.
type Link<'s> = (Part<Term<'s>>, Opt);

/// The steps of a path, and what of it is no step. False for what is no path.
fn parts<'s>(term: &Term<'s>, steps: &mut Vec<Step>, left: &mut Vec<Link<'s>>) -> bool {
    let parse::Term::Path(start, path) = term else {
        return false;
    };
    match &**start {
        parse::Term::Id => {}
        inner => {
            if !parts(inner, steps, left) {
                return false;
            }
        }
    }
    for (part, opt) in &path.0 {
        let step = match (part, opt) {
            _ if !left.is_empty() => None,
            (Part::Range(None, None), Opt::Essential) => Some(Step::Each),
            (Part::Index(name), Opt::Essential) => text(name).map(|name| Step::Name(name.into())),
            _ => None,
        };
        match step {
            Some(step) => steps.push(step),
            None => left.push((part.clone(), *opt)),
        }
    }
    true
}

/// The text of a string that is written out.
pub(super) fn text(term: &Term<'_>) -> Option<String> {
    let parse::Term::Str(None, parts) = term else {
        return None;
    };
    let mut text = String::new();
    for part in parts {
        match part {
            StrPart::Str(piece) => text.push_str(piece),
            StrPart::Char(c) => text.push(*c),
            StrPart::Term(_) => return None,
        }
    }
    Some(text)
}

/// A fold over elements, or what stops early, with `inputs` in place of the path.
fn folded<'s>(term: &Term<'s>, uses: &Uses<'s>) -> Option<(Elements, Term<'s>)> {
    let inputs = || call("inputs", Vec::new());
    let from = |source: &Term<'s>| {
        let (path, rest) = elements(&chain(source))?;
        let rest = match rest {
            parse::Term::Id => inputs(),
            rest => pipe(inputs(), rest),
        };
        Some((path, rest))
    };
    match term {
        parse::Term::Fold(name, source, pattern, steps) => {
            if !steps.first().is_some_and(is_constant) {
                return None;
            }
            let (path, source) = from(source)?;
            let fold = parse::Term::Fold(*name, Box::new(source), pattern.clone(), steps.clone());
            Some((path, fold))
        }
        parse::Term::Call(name, arguments) if !uses.defined.contains(name) => {
            let source = match (*name, &arguments[..]) {
                ("first" | "last" | "isempty" | "add", [_]) => 0,
                ("any" | "all", [_, _]) => 0,
                ("limit" | "skip" | "nth", [count, _]) if is_constant(count) => 1,
                ("add", []) => {
                    let path = Elements::new(vec![Step::Each]);
                    return Some((path, call("add", vec![inputs()])));
                }
                ("any" | "all", [condition]) => {
                    let path = Elements::new(vec![Step::Each]);
                    return Some((path, call(name, vec![inputs(), condition.clone()])));
                }
                _ => return None,
            };
            let (path, stream) = from(&arguments[source])?;
            let mut arguments = arguments.clone();
            arguments[source] = stream;
            Some((path, call(name, arguments)))
        }
        _ => None,
    }
}

/// Whether a term is the same whatever its input is.
fn is_constant(term: &Term<'_>) -> bool {
    use parse::Term as T;
    match term {
        T::Num(_) | T::Var(_) => true,
        T::Str(..) => text(term).is_some(),
        T::Arr(inner) => inner.as_ref().is_none_or(|inner| is_constant(inner)),
        T::Obj(members) => members.iter().all(|(key, value)| {
            let value = value.as_ref();
            is_constant(key) && value.map_or(matches!(key, T::Var(_)), is_constant)
        }),
        T::Neg(inner) => is_constant(inner),
        T::BinOp(left, BinaryOp::Pipe(None), right) => {
            is_constant(left) && (is_constant(right) || matches!(**right, T::Arr(_)))
        }
        T::BinOp(left, BinaryOp::Comma | BinaryOp::Math(_), right) => {
            is_constant(left) && is_constant(right)
        }
        T::Call("null" | "true" | "false" | "infinite" | "nan", arguments) => arguments.is_empty(),
        _ => false,
    }
}

/// Why a chain does not stream.
fn reason(links: &[&Term<'_>]) -> String {
    use parse::Term as T;
    let is_path = |link: &&&Term<'_>| matches!(link, T::Path(start, _) if matches!(**start, T::Id));
    let path = links.iter().take_while(is_path).count();
    let needs = |link: &Term<'_>| match link {
        T::Id => "`.` is all of it".into(),
        T::Call(name, _) => format!(
            "`{}` needs all of it",
            name.split(' ').next().unwrap_or(name)
        ),
        T::Obj(_) => "an object `{…}` is made from all of it".into(),
        T::Arr(_) => "an array `[…]` is made from all of it".into(),
        T::BinOp(_, BinaryOp::Comma, _) => "`,` goes over it more than once".into(),
        T::BinOp(_, BinaryOp::Pipe(Some(_)), _) => "behind `as`, `.` is all of it".into(),
        T::BinOp(
            _,
            BinaryOp::Update | BinaryOp::Assign | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt,
            _,
        ) => "an update such as `|=` gives all of it back".into(),
        T::Fold(name, ..) => {
            format!("the start of `{name}`, or what it goes over, needs all of it")
        }
        T::Path(..) => "it does not begin with a plain path that iterates, such as `.a[]`".into(),
        _ => "it does not begin with a path that iterates, such as `.[]`".into(),
    };
    match (path, links.get(path)) {
        (_, Some(link)) => needs(link),
        (0, None) => "`.` is all of it".into(),
        (_, None) => "nothing iterates: a path without a plain `[]` picks one value".into(),
    }
}
