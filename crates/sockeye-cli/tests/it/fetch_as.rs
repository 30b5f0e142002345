//! `sockeye fetch --as` and what is piped on.
