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
pub mod cgi;
pub mod challenge;
pub mod cookie;
pub mod escape;
pub mod fields;
pub mod ftp;
pub mod http1;
pub mod media;
pub mod multipart;
pub mod netrc;
pub mod percent;
pub mod socks;
pub mod units;
pub mod url;
pub mod worker;
