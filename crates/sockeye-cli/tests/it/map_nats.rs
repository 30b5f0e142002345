//! `map --engine`: the same line on many machines.
