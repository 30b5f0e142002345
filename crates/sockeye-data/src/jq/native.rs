//! How other modules give functions to programs: a list of [`Function`](super::Function)s, each a name, its arguments, and what it
//! does.
//!
//! ```
//! use sockeye_data::jq::{Function, Inputs, Program, Settings, native};
//! use sockeye_data::value::Value;
//!
//! fn functions() -> Vec<Function> {
//!     vec![native::run(("shout", native::v(1), |cv| {
//!         native::unary(cv, |input, mark| match (input.as_str(), mark.as_str()) {
//!             (Some(text), Some(mark)) => Ok(format!("{}{mark}", text.to_uppercase()).into()),
//!             _ => Err(native::error("shout needs strings")),
//!         })
//!     }))]
//! }
//!
//! let settings = Settings::default().functions(functions);
//! let program = Program::compile("shout(\"!\")", &settings).unwrap();
//! let shouted = program.run("hello".into(), &Inputs::none()).next().unwrap().unwrap();
//! assert_eq!(shouted, Value::from("HELLO!"));
//! ```

pub use jaq_core::native::{bome, run, unary, v};

use crate::value::Value;

/// An error that a program can catch.
pub fn error(why: impl Into<String>) -> jaq_core::Error<Value> {
    jaq_core::Error::new(Value::from(why.into()))
}

/// Several outputs, for functions that yield more than one.
pub fn outputs<'a>(values: impl IntoIterator<Item = Value> + 'a) -> jaq_core::ValXs<'a, Value> {
    let values: Vec<Value> = values.into_iter().collect();
    Box::new(values.into_iter().map(Ok))
}
