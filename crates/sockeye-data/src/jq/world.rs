//! Functions that reach out of a program: its inputs, its messages, its end.

use jaq_core::box_iter::box_once;
use jaq_core::native::{bome, v};
use jaq_core::{Bind, Exn};

use super::basics::{Plain, natives_of, once};
use super::engine::Natives;
use super::values::{Error, fail};
use crate::value::Value;

pub(super) fn natives() -> Natives {
    let plain: Vec<Plain> = vec![
        ("input", v(0), |cv| {
            bome(match cv.0.data().host.next() {
                Some(Ok(value)) => Ok(value),
                Some(Err(why)) => fail(why),
                None => fail("No more inputs"),
            })
        }),
        ("inputs", v(0), |cv| {
            let host = cv.0.data().host;
            Box::new(std::iter::from_fn(move || {
                Some(host.next()?.map_err(|why| Exn::from(Error::str(why))))
            }))
        }),
        ("_debug", v(0), |cv| {
            cv.0.data().host.debug(&cv.1);
            Box::new(std::iter::empty())
        }),
        ("_stderr", v(0), |cv| {
            cv.0.data().host.stderr(&cv.1);
            Box::new(std::iter::empty())
        }),
        (
            "_halt",
            [Bind::Var(()), Bind::Var(()), Bind::Var(())].into(),
            |mut cv| {
                let (says, value, code) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
                if says == Value::Bool(true) {
                    cv.0.data().host.halt(value);
                }
                let code = code.as_i64().and_then(|code| i32::try_from(code).ok());
                box_once(Err(Exn::halt(code.unwrap_or(5))))
            },
        ),
        ("builtins", v(0), |_| {
            let names = super::prelude::all_names().into_iter();
            let names = names.filter(|(name, _)| !name.starts_with(['_', '@']));
            once(
                names
                    .map(|(name, count)| Value::from(format!("{name}/{count}")))
                    .collect(),
            )
        }),
        ("input_filename", v(0), |cv| once(cv.0.data().host.file())),
        ("input_line_number", v(0), |cv| {
            once(cv.0.data().host.line())
        }),
        ("get_search_list", v(0), |cv| {
            once(cv.0.data().host.search_list())
        }),
    ];
    natives_of(plain)
}
