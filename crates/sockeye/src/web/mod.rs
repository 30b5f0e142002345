//! Web servers: HTTP/1.1 and HTTP/2 over any [`Stream`](crate::Stream), files, programs, and handlers of your own.
//!
//! Three things: a [`Handler`] turns a [`Request`] into a [`Response`]; a [`Server`] reads requests from connections and
//! writes the answers; everything else here is a handler, or wraps one.

mod access_log;
pub mod accounts;
mod archive;
mod asked;
mod body;
mod connection;
mod events;
pub mod files;
mod handler;
mod intake;
pub mod listing;
mod metrics;
pub mod programs;
mod request;
mod response;
mod routes;
mod server;
mod tower;
mod trail;
pub mod upload;
mod websocket;

pub use body::{Body, BodyError, Chunks, FilePart};
pub use handler::{Handler, Reply, Shared};
pub use request::{Client, Request};
pub use response::{IntoResponse, Response};
pub use server::{Bounds, Log, Record, Refusal, Server};
pub use trail::{Note, Trail};
