//! When a conversation is over, as a flag.

use clap::ValueEnum;
use sockeye::relay::EndPolicy;

/// The end policies by the names that people type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// When both sides have ended
    #[value(name = "until-both", alias = "both")]
    Both,
    /// When the remote side has ended
    #[value(name = "until-remote", alias = "remote")]
    Remote,
    /// When either side has ended
    #[value(name = "until-either", alias = "either")]
    Either,
}

impl Until {
    pub(crate) fn policy(self) -> EndPolicy {
        match self {
            Self::Both => EndPolicy::UntilBoth,
            Self::Remote => EndPolicy::UntilRemote,
            Self::Either => EndPolicy::UntilEither,
        }
    }
}
