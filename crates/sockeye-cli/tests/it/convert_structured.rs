//! `sockeye convert` with YAML, TOML, CBOR and MessagePack.
