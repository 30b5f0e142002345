//! The language, its meaning, and what of it is handed to the kernel.
#![allow(clippy::unwrap_used)]

mod language;
mod made;
mod model;
mod pushdown;
