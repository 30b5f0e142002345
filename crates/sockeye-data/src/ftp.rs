//! What an FTP server says and what it is told (RFC 959, 2428, 3659, 4217): replies, addresses, commands, listings; no sockets, no clock.
//!
//! Replies and listings come from strangers. Both are bounded, what is no reply is an error, and a name that could lead out of a
//! folder is found by [`name_fault`] before anybody opens it. Names are bytes: nothing says which charset they are in.
//!
//! Commands are lines, so whoever could put a line break into one could give orders of their own: [`Command::of`] refuses
//! line breaks and NUL. It refuses byte 255 too. On the control connection that byte begins an order of Telnet (RFC 959
//! section 2.3) and has to be doubled, but most servers do not read it so; with either choice, half of them would be told
//! another name than the one that was meant. UTF-8 has no such byte.
//!
//! # Examples
//!
//! ```
//! use sockeye_data::ftp::{Command, EntryKind, ReplyParser, list_line, listing::Line, passive};
//!
//! assert_eq!(Command::of("RETR", Some(b"a b.txt"))?.line(), b"RETR a b.txt\r\n");
//! assert!(Command::of("RETR", Some(b"x\r\nDELE x")).is_err());
//!
//! let mut parser = ReplyParser::default();
//! let (reply, used) = parser.feed(b"227 Entering Passive Mode (192,0,2,7,19,137).\r\n")?.unwrap();
//! assert_eq!((reply.code(), used), (227, 47));
//! assert_eq!(passive(&reply)?, "192.0.2.7:5001".parse().unwrap());
//!
//! let line = b"-rw-r--r--    1 0        0            1170 Apr 29  2014 ls -lR.gz";
//! let Line::Entry(entry) = list_line(line, 0) else { panic!("a file") };
//! assert_eq!((entry.kind, entry.size, entry.name.as_slice()), (EntryKind::File, Some(1170), &b"ls -lR.gz"[..]));
//! # Ok::<(), sockeye_data::ftp::Fault>(())
//! ```

pub use self::address::{extended_passive, extended_port, passive, port};
pub use self::command::Command;
pub use self::entry::{Entry, EntryKind, Modified, NameFault, Precision, name_fault};
pub use self::facts::facts_line;
pub use self::fault::{Fault, FaultKind};
pub use self::features::Features;
pub use self::listing::{Listing, ListingFormat, ListingLimits};
pub use self::path::quoted_path;
pub use self::reply::{Class, Reply, ReplyLimits, ReplyParser};
pub use self::unix::list_line;

mod address;
mod command;
mod entry;
mod facts;
mod fault;
mod features;
pub mod listing;
mod path;
mod reply;
pub mod stamp;
mod unix;
mod windows;

#[cfg(test)]
mod tests;
