//! Calls between programs: a method by its name, parameters, and an answer or a fault.
//!
//! [`Methods`] is a server's side, whatever carries the calls: [`jsonrpc`] over HTTP, TCP, Unix sockets, pipes and WebSocket, or
//! [`xmlrpc`] as Python's `xmlrpc` speaks it. Both have a client. [`python`] exchanges messages with Python's
//! `multiprocessing.connection`. [`programs`] makes methods of programs.

mod call;
mod methods;

pub mod jsonrpc;
pub mod programs;
pub mod python;
pub mod xmlrpc;

pub use call::{Answer, Call, CallError, Fault, Params};
pub use methods::{Method, Methods};
