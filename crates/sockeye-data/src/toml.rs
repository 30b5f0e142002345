//! TOML as records.
