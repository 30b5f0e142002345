//! How many values a term yields, as far as it can be seen without running it.

use std::collections::HashSet;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp};
use jaq_core::path::{Opt, Part};

use super::rewrite::Term;

/// How many values a term yields. An error counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outputs {
    /// Exactly one.
    One,
    /// One or none.
    Few,
    /// Nobody knows.
    Many,
}

impl Outputs {
    pub(super) fn is_one(self) -> bool {
        self == Self::One
    }

    /// Whether there is at most one.
    pub(super) fn are_few(self) -> bool {
        self != Self::Many
    }

    /// What yields these for each of those.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::One, Self::One) => Self::One,
            (Self::Many, _) | (_, Self::Many) => Self::Many,
            _ => Self::Few,
        }
    }
}

/// Functions that yield one value for each combination of their arguments.
const OF_VALUES: &[&str] = &[
    "length",
    "keys",
    "keys_unsorted",
    "type",
    "not",
    "add",
    "sort",
    "unique",
    "reverse",
    "min",
    "max",
    "has",
    "contains",
    "inside",
    "startswith",
    "endswith",
    "ltrimstr",
    "rtrimstr",
    "trimstr",
    "trim",
    "ltrim",
    "rtrim",
    "ascii_downcase",
    "ascii_upcase",
    "floor",
    "ceil",
    "round",
    "sqrt",
    "fabs",
    "pow",
    "log",
    "exp",
    "abs",
    "tostring",
    "tonumber",
    "tojson",
    "fromjson",
    "to_entries",
    "from_entries",
    "test",
    "split",
    "join",
    "flatten",
    "first",
    "last",
    "null",
    "true",
    "false",
    "nan",
    "infinite",
    "now",
    "todate",
    "fromdate",
    "mktime",
    "gmtime",
    "strftime",
    "strptime",
    "getpath",
    "setpath",
    "delpaths",
    "transpose",
    "implode",
    "explode",
    "index",
    "rindex",
    "indices",
    "any",
    "all",
    "utf8bytelength",
    "isnan",
    "isinfinite",
    "toarray",
    "@csv",
    "@tsv",
    "@html",
    "@uri",
    "@json",
    "@text",
    "@sh",
    "@base64",
    "@base64d",
    "input",
    "tohex",
    "fromhex",
    "urlparse",
    "toform",
    "fromform",
    "input_filename",
    "input_line_number",
];

/// Functions that yield one value, whatever those that they are given yield.
const OF_FUNCTIONS: &[(&str, usize)] = &[
    ("map", 1),
    ("map_values", 1),
    ("sort_by", 1),
    ("group_by", 1),
    ("unique_by", 1),
    ("min_by", 1),
    ("max_by", 1),
    ("with_entries", 1),
    ("del", 1),
    ("any", 1),
    ("all", 1),
    ("any", 2),
    ("all", 2),
    ("add", 1),
    ("isempty", 1),
    ("_modify", 2),
    ("_last", 1),
    ("IN", 1),
    ("INDEX", 1),
    ("INDEX", 2),
];

/// How many values a term yields, where these names have a meaning of the program's own.
pub(super) fn of(term: &Term<'_>, defined: &HashSet<&str>) -> Outputs {
    use parse::Term as T;
    let of = |term: &Term<'_>| of(term, defined);
    match term {
        T::Id | T::Num(_) | T::Var(_) | T::Arr(_) => Outputs::One,
        T::Str(_, parts) => parts.iter().fold(Outputs::One, |all, part| match part {
            StrPart::Term(term) => all.and(of(term)),
            _ => all,
        }),
        T::Obj(members) => members.iter().fold(Outputs::One, |all, (key, value)| {
            let value = value.as_ref().map_or(Outputs::One, of);
            all.and(of(key)).and(value)
        }),
        T::Neg(inner) => of(inner),
        T::BinOp(left, op, right) => match op {
            BinaryOp::Comma => Outputs::Many,
            BinaryOp::Alt => match (of(left), of(right)) {
                (left, right) if !left.are_few() || !right.are_few() => Outputs::Many,
                (_, right) => right,
            },
            BinaryOp::Pipe(Some(parse::Pattern::Var(_)) | None)
            | BinaryOp::Or
            | BinaryOp::And
            | BinaryOp::Math(_)
            | BinaryOp::Cmp(_) => of(left).and(of(right)),
            BinaryOp::Update if matches!(**left, T::Path(..)) => Outputs::One,
            BinaryOp::Assign | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt
                if matches!(**left, T::Path(..)) =>
            {
                of(right)
            }
            _ => Outputs::Many,
        },
        T::Fold("reduce", _, _, steps) if steps.len() == 2 => of(&steps[0]).and(of(&steps[1])),
        T::TryCatch(inner, catch) => {
            let catch = catch.as_ref().map_or(Outputs::Few, |catch| of(catch));
            match of(inner) {
                Outputs::One => catch,
                Outputs::Few if catch.are_few() => Outputs::Few,
                _ => Outputs::Many,
            }
        }
        T::IfThenElse(cases, otherwise) => {
            let last = otherwise
                .as_ref()
                .map_or(Outputs::One, |otherwise| of(otherwise));
            cases
                .iter()
                .fold(last, |all, (test, then)| all.and(of(test)).and(of(then)))
        }
        T::Def(_, inner) => of(inner),
        T::Call(name, arguments) => call(name, arguments, defined),
        T::Path(start, path) => path.0.iter().fold(of(start), |all, (part, opt)| {
            let part = match part {
                Part::Index(index) => of(index),
                Part::Range(None, None) => Outputs::Many,
                Part::Range(from, upto) => {
                    let bounds = [from, upto].into_iter().flatten();
                    bounds.fold(Outputs::One, |all, bound| all.and(of(bound)))
                }
            };
            let part = match opt {
                Opt::Optional => part.and(Outputs::Few),
                Opt::Essential => part,
            };
            all.and(part)
        }),
        T::Recurse | T::Label(..) | T::Break(_) | T::Fold(..) => Outputs::Many,
    }
}

fn call(name: &str, arguments: &[Term<'_>], defined: &HashSet<&str>) -> Outputs {
    if defined.contains(name) {
        return Outputs::Many;
    }
    let all = || {
        let each = arguments.iter().map(|argument| of(argument, defined));
        each.fold(Outputs::One, Outputs::and)
    };
    match (name, arguments.len()) {
        ("empty", 0) | ("first", 1) | ("error", 0) => Outputs::Few,
        ("error" | "select", 1) => all().and(Outputs::Few),
        (name, count) if OF_FUNCTIONS.contains(&(name, count)) => Outputs::One,
        (name, _) if OF_VALUES.contains(&name) => all(),
        _ => Outputs::Many,
    }
}
