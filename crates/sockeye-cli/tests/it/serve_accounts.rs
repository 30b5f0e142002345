//! `sockeye serve` with accounts.
