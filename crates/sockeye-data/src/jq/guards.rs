//! Functions that the rewriting of programs puts in: the guard of the stack, and folds that keep the last of many.

use jaq_core::box_iter::box_once;
use jaq_core::native::v;
use jaq_core::{Bind, Exn, Native, ValX};

use super::engine::{Jq, Natives, Stack};
use super::values::Error;
use crate::value::Value;

/// What a function in front of its own body asks.
pub(super) const GUARD: &str = "_guard";

/// The last that a function yields, null if it yields nothing: the state of a fold.
pub(super) const LAST: &str = "_last";

pub(super) fn natives() -> Natives {
    let guard = Native::<Jq>::new(|cv| box_once(check(cv.0.data().stack).map(|()| cv.1)))
        .with_paths(|cv| {
            let checked = check(cv.0.data().stack);
            box_once(checked.map(|()| cv.1))
        })
        .with_update(|cv, f| match check(cv.0.data().stack) {
            Ok(()) => f(cv.1),
            Err(error) => box_once(Err(error)),
        });
    let last = Native::<Jq>::new(|mut cv| {
        let (f, ctx) = cv.0.pop_fun();
        let last = f.run((ctx, cv.1)).try_fold(Value::Null, |_, value| value);
        box_once(last)
    })
    .with_paths(|mut cv| {
        let (f, ctx) = cv.0.pop_fun();
        let nothing = (Value::Null, Default::default());
        let last = f.paths((ctx, cv.1)).try_fold(nothing, |_, found| found);
        box_once(last)
    });
    vec![(GUARD, v(0), guard), (LAST, [Bind::Fun(())].into(), last)]
}

fn check<'a>(stack: Stack) -> ValX<'a, (), Value> {
    match stack.is_used() {
        true => Err(Exn::from(Error::str("the program recurses too deeply"))),
        false => Ok(()),
    }
}
