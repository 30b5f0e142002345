//! jq programs: the language of jq over values of all formats, on jaq's engine.

mod operators;
mod slices;
mod values;
