//! `sockeye serve` over TLS.
