//! How yaml, toml, cbor and msgpack are read and written.

/// Flags of yaml, toml, cbor and msgpack.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "YAML, TOML, CBOR, MessagePack")]
pub(crate) struct StructuredArgs {}
