//! How yaml, toml, cbor and msgpack are read and written.

use sockeye::Result;
use sockeye::data::record::Limits;
use sockeye::data::tagged::Tags;
use sockeye::data::{cbor, msgpack, toml, yaml};

use super::JsonArgs;

/// Flags of yaml, toml, cbor and msgpack.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "YAML, TOML, CBOR, MessagePack")]
pub(crate) struct StructuredArgs {
    /// Keep types that JSON does not have, as {"!name": value}, in and out: tags of YAML and CBOR, dates of TOML, extensions of
    /// MessagePack
    #[arg(long, alias = "tag")]
    pub(crate) tags: bool,
    /// YAML: << is a key like others, and merges nothing
    #[arg(long)]
    pub(crate) no_merge: bool,
    /// TOML: leave nulls out [default: they are an error]
    #[arg(long)]
    pub(crate) drop_nulls: bool,
}

impl StructuredArgs {
    fn kept(&self) -> Tags {
        if self.tags { Tags::Keep } else { Tags::Drop }
    }

    /// How YAML is read.
    pub(crate) fn read_yaml(&self, json: &JsonArgs, limits: Limits) -> Result<yaml::ReadOptions> {
        Ok(yaml::ReadOptions {
            limits,
            tags: self.kept(),
            duplicates: json.duplicate_keys()?,
            merge: !self.no_merge,
        })
    }

    /// How TOML is read.
    pub(crate) fn read_toml(&self, limits: Limits) -> toml::ReadOptions {
        toml::ReadOptions {
            limits,
            tags: self.kept(),
        }
    }

    /// How CBOR is read.
    pub(crate) fn read_cbor(&self, json: &JsonArgs, limits: Limits) -> Result<cbor::ReadOptions> {
        Ok(cbor::ReadOptions {
            limits,
            tags: self.kept(),
            duplicates: json.duplicate_keys()?,
        })
    }

    /// How MessagePack is read.
    pub(crate) fn read_msgpack(
        &self,
        json: &JsonArgs,
        limits: Limits,
    ) -> Result<msgpack::ReadOptions> {
        Ok(msgpack::ReadOptions {
            limits,
            tags: self.kept(),
            duplicates: json.duplicate_keys()?,
        })
    }

    /// How YAML is written.
    pub(crate) fn write_yaml(&self, json: &JsonArgs, limits: &Limits) -> yaml::WriteOptions {
        yaml::WriteOptions {
            tags: self.kept(),
            sorted: json.sort,
            depth: limits.depth,
        }
    }

    /// How TOML is written.
    pub(crate) fn write_toml(&self, json: &JsonArgs) -> toml::WriteOptions {
        toml::WriteOptions {
            tags: self.kept(),
            nulls: if self.drop_nulls {
                toml::Nulls::Drop
            } else {
                toml::Nulls::Refuse
            },
            sorted: json.sort,
        }
    }

    /// How CBOR is written: sorted keys are those of deterministic encoding.
    pub(crate) fn write_cbor(&self, json: &JsonArgs) -> cbor::WriteOptions {
        cbor::WriteOptions {
            tags: self.kept(),
            deterministic: json.sort,
        }
    }

    /// How MessagePack is written.
    pub(crate) fn write_msgpack(&self, json: &JsonArgs) -> msgpack::WriteOptions {
        msgpack::WriteOptions {
            tags: self.kept(),
            sorted: json.sort,
        }
    }
}
