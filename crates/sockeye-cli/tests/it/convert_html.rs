//! `sockeye convert` with HTML.
