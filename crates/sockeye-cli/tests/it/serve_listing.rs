//! `sockeye serve`: folders as curl sees them.
