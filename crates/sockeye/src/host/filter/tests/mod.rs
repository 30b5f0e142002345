//! The language, its meaning, and what of it is handed to the kernel.
#![allow(clippy::unwrap_used)]

mod document;
mod language;
mod live;
mod made;
mod model;
mod pushdown;
