//! `sockeye convert` with XML.
