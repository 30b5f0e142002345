//! Clients: asking servers for things, and sending them there.
//!
//! [`download`] fetches files to the disk: whole, under safe names, and on from where they broke.
//!
//! [`http`] speaks HTTP/1.0, 1.1 and 2 over any [`Endpoint`](crate::Endpoint), [`ftp`] speaks FTP and FTPS. All of it goes through a
//! [`Net`](crate::Net), so proxies, deadlines, names and the wire view are the same as everywhere.

pub mod download;
pub mod ftp;
pub mod http;
mod proxies;
mod sink;

pub use self::proxies::Proxies;
pub use self::sink::Sink;
