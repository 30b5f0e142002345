//! What the DNS says: one question to one server, with everything that came back.
//!
//! Where [`Resolver`](super::Resolver) finds the addresses of a name as programs here do, this module shows what a name
//! server answers: any kind of record, over UDP, TCP, TLS or HTTPS, every section, flag and code. Messages are read by
//! `hickory-proto`; connections are those of the [`Net`](crate::Net), so its observer sees every byte. Nothing is cached.
//!
//! ```no_run
//! use sockeye::Net;
//! use sockeye::net::resolve::query::{self, Options, Outcome, Question, RecordKind, Server};
//!
//! # async fn f() -> sockeye::Result<()> {
//! let server: Server = "tls://192.0.2.53?sni=dns.example".parse()?;
//! let question = Question::new("example.org".parse()?, RecordKind::HTTPS);
//! let response = query::ask(&Net::new(), &server, &question, &Options::default()).await?;
//! match response.outcome {
//!     Outcome::Answer => response.answers.iter().for_each(|record| println!("{record}")),
//!     outcome => println!("{outcome}"),
//! }
//! # Ok(()) }
//! ```

mod ask;
mod decode;
mod edns;
mod exchange;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
#[cfg(feature = "tls")]
pub(crate) mod https;
#[cfg(not(feature = "tls"))]
#[path = "https_absent.rs"]
mod https;
mod kind;
mod name;
mod options;
mod question;
mod rdata;
mod record;
mod response;
mod roots;
mod server;
#[cfg(test)]
mod tests;
mod trace;

pub use ask::{ask, ask_all};
pub use edns::{EdnsInfo, ExtendedError, OtherOption};
pub use kind::{Class, RecordKind};
pub use name::DomainName;
pub use options::{ClientSubnet, Options};
pub use question::Question;
pub use rdata::params::Param;
pub use record::{Data, Record, Value};
pub use response::{Code, Fallback, Flags, HttpInfo, Outcome, Response};
pub use roots::{NameServer, ROOT_HINTS_DATE, root_servers};
pub use server::{Server, Transport};
pub use trace::{Leads, Step, Trace, TraceOptions, trace};
