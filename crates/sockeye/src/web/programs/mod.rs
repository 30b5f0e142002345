//! Programs that answer: one process for each request ([`Cgi`], [`Exec`]), Python workers that stay ([`Wsgi`]),
//! one for each WebSocket ([`Talk`]), or one for all who follow its lines ([`Feed`]).
//!
//! All are handlers. What they share, the environment, the bounds and who hears of what programs say aside, is a
//! [`Setup`]; [`Mounts`] gives each its path.

mod cgi;
mod environ;
mod exec;
mod extension;
mod feed;
mod gate;
mod mounts;
mod output;
mod redirect;
mod run;
mod script;
mod setup;
mod stderr;
mod talk;
mod wsgi;

pub use cgi::Cgi;
pub use exec::Exec;
pub use extension::ByExtension;
pub use feed::Feed;
pub use mounts::Mounts;
pub use redirect::Redirects;
pub use script::Scripts;
pub use setup::{Limits, Remark, RemarkKind, Setup};
pub use talk::Talk;
pub use wsgi::{Wsgi, WsgiOptions};
