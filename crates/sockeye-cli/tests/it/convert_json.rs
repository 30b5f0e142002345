//! `sockeye convert` with JSON in its kinds.
