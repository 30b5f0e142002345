//! `sockeye serve` with programs.
