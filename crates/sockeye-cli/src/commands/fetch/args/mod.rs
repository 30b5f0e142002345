//! The flags of `fetch`, one group for each theme.

mod convert;
mod ftp;
mod identity;
mod pieces;
mod policy;
mod reach;
mod report;
mod request;
mod save;

pub(super) use self::convert::ConvertArgs;
pub(super) use self::ftp::FtpArgs;
pub(super) use self::identity::IdentityArgs;
pub(super) use self::pieces::Manner;
pub(super) use self::policy::PolicyArgs;
pub(super) use self::reach::{ReachArgs, in_flags};
pub(super) use self::report::ReportArgs;
pub(super) use self::request::{Compress, Pretty, RequestArgs};
pub(super) use self::save::{SaveArgs, check, too_many};
