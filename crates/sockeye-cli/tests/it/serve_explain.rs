//! `sockeye serve --explain`.
