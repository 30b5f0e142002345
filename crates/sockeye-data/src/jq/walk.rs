//! All terms within a term.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{self, BinaryOp};
use jaq_core::path::Part;

use super::rewrite::{Pattern, Term};

/// Visit a term and all within it, those outside first.
pub(super) fn terms<'t, 's>(term: &'t Term<'s>, visit: &mut dyn FnMut(&'t Term<'s>)) {
    use parse::Term as T;
    visit(term);
    match term {
        T::Id | T::Recurse | T::Num(_) | T::Break(_) | T::Var(_) => {}
        T::Str(_, parts) => parts.iter().for_each(|part| {
            if let StrPart::Term(term) = part {
                terms(term, visit);
            }
        }),
        T::Arr(inner) => inner.iter().for_each(|inner| terms(inner, visit)),
        T::Obj(members) => members.iter().for_each(|(key, value)| {
            terms(key, visit);
            value.iter().for_each(|value| terms(value, visit));
        }),
        T::Neg(inner) | T::Label(_, inner) => terms(inner, visit),
        T::BinOp(left, op, right) => {
            terms(left, visit);
            if let BinaryOp::Pipe(Some(pattern)) = op {
                patterns(pattern, visit);
            }
            terms(right, visit);
        }
        T::Fold(_, source, pattern, steps) => {
            terms(source, visit);
            patterns(pattern, visit);
            steps.iter().for_each(|step| terms(step, visit));
        }
        T::TryCatch(inner, catch) => {
            terms(inner, visit);
            catch.iter().for_each(|catch| terms(catch, visit));
        }
        T::IfThenElse(cases, otherwise) => {
            for (test, then) in cases {
                terms(test, visit);
                terms(then, visit);
            }
            otherwise
                .iter()
                .for_each(|otherwise| terms(otherwise, visit));
        }
        T::Def(definitions, inner) => {
            definitions
                .iter()
                .for_each(|definition| terms(&definition.body, visit));
            terms(inner, visit);
        }
        T::Call(_, arguments) => arguments.iter().for_each(|argument| terms(argument, visit)),
        T::Path(start, path) => {
            terms(start, visit);
            for (part, _) in &path.0 {
                match part {
                    Part::Index(index) => terms(index, visit),
                    Part::Range(from, upto) => {
                        [from, upto]
                            .into_iter()
                            .flatten()
                            .for_each(|bound| terms(bound, visit));
                    }
                }
            }
        }
    }
}

fn patterns<'t, 's>(pattern: &'t Pattern<'s>, visit: &mut dyn FnMut(&'t Term<'s>)) {
    match pattern {
        parse::Pattern::Var(_) => {}
        parse::Pattern::Arr(items) => items.iter().for_each(|item| patterns(item, visit)),
        parse::Pattern::Obj(members) => members.iter().for_each(|(key, value)| {
            terms(key, visit);
            patterns(value, visit);
        }),
    }
}
