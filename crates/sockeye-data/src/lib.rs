//! Pure formats: bytes or text in, values out, and back.
//!
//! No sockets, no files, no clock: everything here is a function of its arguments. The library `sockeye` shows this
//! crate as `sockeye::data`.
//!
//! ```
//! use std::time::Duration;
//! use sockeye_data::{escape, units};
//!
//! assert_eq!(escape::escape(b"ding\x07\r\n"), r"ding\x07\r\n");
//! assert_eq!(units::parse_duration("250ms").unwrap(), Duration::from_millis(250));
//! assert_eq!(units::parse_size("64KiB").unwrap(), 65_536);
//! ```

#![forbid(unsafe_code)]

pub mod accounts;
#[cfg(feature = "formats")]
mod binary;
#[cfg(feature = "formats")]
pub mod cbor;
pub mod cgi;
pub mod challenge;
#[cfg(feature = "formats")]
pub mod charset;
#[cfg(feature = "formats")]
pub mod codec;
#[cfg(feature = "formats")]
pub mod compress;
pub mod cookie;
#[cfg(feature = "formats")]
pub mod csv;
pub mod escape;
pub mod fields;
#[cfg(feature = "formats")]
pub mod form;
#[cfg(feature = "formats")]
pub mod format;
pub mod ftp;
#[cfg(feature = "formats")]
pub mod html;
pub mod http1;
#[cfg(feature = "formats")]
pub mod jq;
#[cfg(feature = "formats")]
pub mod json;
#[cfg(feature = "formats")]
pub mod jsonrpc;
#[cfg(feature = "formats")]
pub mod lines;
#[cfg(feature = "formats")]
pub mod mail;
pub mod media;
#[cfg(feature = "formats")]
pub mod members;
#[cfg(feature = "formats")]
pub mod msgpack;
pub mod multipart;
pub mod netrc;
#[cfg(feature = "formats")]
pub mod parallel;
pub mod percent;
#[cfg(feature = "formats")]
pub mod pickle;
#[cfg(feature = "formats")]
pub mod recognise;
#[cfg(feature = "formats")]
pub mod record;
pub mod socks;
#[cfg(feature = "formats")]
pub mod tagged;
#[cfg(feature = "formats")]
pub mod toml;
pub mod units;
pub mod url;
#[cfg(feature = "formats")]
pub mod value;
pub mod worker;
#[cfg(feature = "formats")]
pub mod xml;
#[cfg(feature = "formats")]
pub mod xmlrpc;
#[cfg(feature = "formats")]
pub mod yaml;
