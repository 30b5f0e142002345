//! `sockeye serve`: the log, figures, the wire.
