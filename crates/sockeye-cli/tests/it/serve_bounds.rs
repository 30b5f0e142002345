//! `sockeye serve` and clients that behave badly.
