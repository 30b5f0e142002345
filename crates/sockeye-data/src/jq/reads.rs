//! Which members of its input a program can ever read: the others need not be built.

use std::collections::BTreeSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp};
use jaq_core::path::{Opt, Part};

use super::rewrite::{Term, Uses};
use super::stream::text;

/// What a term that runs on the input itself reads of it, and whether it may yield the input itself.
struct Read {
    names: BTreeSet<String>,
    itself: bool,
}

impl Read {
    fn nothing() -> Self {
        Self {
            names: BTreeSet::new(),
            itself: false,
        }
    }

    /// Both are read; what is yielded comes from `other`.
    fn then(mut self, other: Self) -> Self {
        self.names.extend(other.names);
        self.itself = other.itself;
        self
    }

    /// Both are read, both are yielded.
    fn or(mut self, other: Self) -> Self {
        self.names.extend(other.names);
        self.itself |= other.itself;
        self
    }

    /// What is made from what is read; none where all of the input is.
    fn made(self) -> Option<Self> {
        (!self.itself).then_some(self)
    }
}

/// The members of the input that a program can read, sorted; `None` where that is not certain.
pub(super) fn of(term: &Term<'_>, uses: &Uses<'_>) -> Option<Vec<String>> {
    let read = read(term, uses)?.made()?;
    Some(read.names.into_iter().collect())
}

/// The names of `.a.b`: a program that is a path of names and nothing else; of `.` there are none.
pub(super) fn names(term: &Term<'_>) -> Option<Vec<String>> {
    let (start, path) = match term {
        parse::Term::Id => return Some(Vec::new()),
        parse::Term::Path(start, path) => (&**start, &path.0),
        _ => return None,
    };
    let mut names = names(start)?;
    for (part, option) in path {
        match (part, option) {
            (Part::Index(name), Opt::Essential) => names.push(text(name)?.to_string()),
            _ => return None,
        }
    }
    Some(names)
}

fn all<'t, 's: 't>(terms: impl Iterator<Item = &'t Term<'s>>, uses: &Uses<'_>) -> Option<Read> {
    let mut whole = Read::nothing();
    for term in terms {
        whole = whole.then(read(term, uses)?.made()?);
    }
    Some(whole)
}

fn read(term: &Term<'_>, uses: &Uses<'_>) -> Option<Read> {
    use parse::Term as T;
    Some(match term {
        T::Id => Read {
            itself: true,
            ..Read::nothing()
        },
        T::Num(_) | T::Var(_) => Read::nothing(),
        T::Str(_, parts) => {
            let terms = parts.iter().filter_map(|part| match part {
                StrPart::Term(term) => Some(term),
                _ => None,
            });
            all(terms, uses)?
        }
        T::Arr(inner) => all(inner.iter().map(|inner| &**inner), uses)?,
        T::Obj(members) => {
            let mut whole = Read::nothing();
            for (key, value) in members {
                whole = whole.then(match (value, key) {
                    (Some(value), key) => all([key, value].into_iter(), uses)?,
                    (None, T::Var(_)) => Read::nothing(),
                    (None, key) => member(key)?,
                });
            }
            whole
        }
        T::Neg(inner) => read(inner, uses)?.made()?,
        T::BinOp(left, op, right) => operation(left, op, right, uses)?,
        T::TryCatch(inner, catch) => {
            // What is caught is an error; what runs on it reads nothing of the input but through variables.
            let inner = read(inner, uses)?;
            match catch {
                Some(_) => Read {
                    itself: inner.itself,
                    ..inner
                },
                None => inner,
            }
        }
        T::IfThenElse(cases, otherwise) => {
            let mut whole = match otherwise {
                Some(otherwise) => read(otherwise, uses)?,
                None => read(&T::Id, uses)?,
            };
            for (test, then) in cases {
                let test = Read {
                    itself: false,
                    ..read(test, uses)?.made()?
                };
                whole = whole.or(test).or(read(then, uses)?);
            }
            whole
        }
        T::Path(start, path) => path_read(start, &path.0, uses)?,
        T::Call(name, arguments) if !uses.defined.contains(name) => called(name, arguments, uses)?,
        T::Fold(_, source, _, steps) => {
            let start = read(steps.first()?, uses)?.made()?;
            read(source, uses)?.made()?.then(start)
        }
        T::Recurse | T::Label(..) | T::Break(_) | T::Def(..) | T::Call(..) => return None,
    })
}

fn operation(
    left: &Term<'_>,
    op: &BinaryOp<&str>,
    right: &Term<'_>,
    uses: &Uses<'_>,
) -> Option<Read> {
    let left = read(left, uses)?;
    Some(match op {
        BinaryOp::Pipe(None) if left.itself => left.then(read(right, uses)?),
        // What is on the right runs on something else; only variables could lead back, and they never hold the input.
        BinaryOp::Pipe(None) => left,
        BinaryOp::Pipe(Some(_)) => left.made()?.then(read(right, uses)?),
        BinaryOp::Comma | BinaryOp::Alt => left.or(read(right, uses)?),
        BinaryOp::Or | BinaryOp::And | BinaryOp::Math(_) | BinaryOp::Cmp(_) => {
            left.made()?.then(read(right, uses)?.made()?)
        }
        BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => {
            return None;
        }
    })
}

/// `.name`.
fn member(key: &Term<'_>) -> Option<Read> {
    Some(Read {
        names: BTreeSet::from([text(key)?]),
        itself: false,
    })
}

fn path_read(
    start: &Term<'_>,
    parts: &[(Part<Term<'_>>, jaq_core::path::Opt)],
    uses: &Uses<'_>,
) -> Option<Read> {
    let mut whole = read(start, uses)?;
    for (part, _) in parts {
        let indices = match part {
            Part::Index(index) => [Some(index), None],
            Part::Range(from, upto) => [from.as_ref(), upto.as_ref()],
        };
        let indices = all(indices.into_iter().flatten(), uses)?;
        if whole.itself {
            let Part::Index(index) = part else {
                return None;
            };
            whole = whole.then(member(index)?);
        }
        whole.names.extend(indices.names);
    }
    Some(whole)
}

fn called(name: &str, arguments: &[Term<'_>], uses: &Uses<'_>) -> Option<Read> {
    match (name, arguments) {
        ("select", [test]) => Some(Read {
            itself: true,
            ..read(test, uses)?.made()?
        }),
        ("has", [key]) => member(key),
        (
            "empty" | "null" | "true" | "false" | "now" | "nan" | "infinite" | "input_filename",
            [],
        ) => Some(Read::nothing()),
        ("error", [message]) => read(message, uses)?.made(),
        ("first" | "isempty" | "add", [inner]) => read(inner, uses),
        ("any" | "all", [inner, _]) => read(inner, uses)?.made(),
        _ => None,
    }
}
