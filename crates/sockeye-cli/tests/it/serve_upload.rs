//! `sockeye serve` with uploads.
