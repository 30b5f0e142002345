//! `sockeye encode` and `sockeye decode`.
