//! `work::nats` against both versions of the broker.
