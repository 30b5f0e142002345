//! `sockeye serve`: files as curl sees them.
