//! The codec of HTTP beside others: what we accept, they accept too, and read the same body. And the formats of data beside official
//! suites and other programs.

// Test code may start programs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod corpus;
#[cfg(feature = "formats")]
mod data_codec;
#[cfg(feature = "formats")]
mod data_csv;
#[cfg(feature = "formats")]
mod data_html;
#[cfg(feature = "formats")]
mod data_jq;
#[cfg(feature = "formats")]
mod data_json;
#[cfg(feature = "formats")]
mod data_mail;
#[cfg(feature = "formats")]
mod data_structured;
#[cfg(feature = "formats")]
mod data_xml;
#[cfg(feature = "formats")]
mod data_xmlrpc;
mod differential;
