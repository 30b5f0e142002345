//! The integration tests of the library, in one binary: real sockets on loopback, and a look at the source itself.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]
// Options are set the way other crates have to set them, and what is skipped or served is said aloud.
#![allow(
    clippy::field_reassign_with_default,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod architecture;
#[cfg(feature = "client")]
mod client_bodies;
#[cfg(feature = "client")]
mod client_download;
#[cfg(feature = "client")]
mod client_exhaustion;
#[cfg(all(feature = "client", feature = "tls"))]
mod client_ftp;
#[cfg(all(feature = "client", feature = "tls"))]
mod client_ftp_scripts;
#[cfg(all(feature = "client", feature = "tls"))]
mod client_ftp_tree;
#[cfg(feature = "client")]
mod client_h2;
#[cfg(feature = "client")]
mod client_http;
#[cfg(feature = "client")]
mod client_identity;
#[cfg(feature = "client")]
mod client_policy;
#[cfg(feature = "client")]
mod client_proxies;
#[cfg(feature = "client")]
mod client_redirects;
#[cfg(feature = "client")]
mod client_reports;
#[cfg(feature = "client")]
mod client_retry;
#[cfg(feature = "client")]
mod client_same_bodies;
#[cfg(feature = "client")]
mod client_save;
mod dns;
mod host_namespaces;
mod host_owners;
mod matrix;
mod matrix_cells;
mod matrix_ends;
mod matrix_messages;
mod matrix_observed;
mod matrix_oneway;
mod matrix_tls;
mod relay_bugs;
mod relay_datagrams;
mod relay_fixture;
mod relay_limits;
mod relay_listening;
#[cfg(feature = "rpc")]
mod rpc_json;
#[cfg(feature = "rpc")]
mod rpc_python;
#[cfg(feature = "rpc")]
mod rpc_xml;
#[cfg(feature = "rpc")]
mod rpc_xml_wire;
mod socketserver;
mod web_accounts;
mod web_archive;
mod web_cgi;
mod web_events;
mod web_files;
mod web_h1;
mod web_h2;
mod web_library;
mod web_limits;
mod web_listing;
mod web_log;
mod web_programs;
mod web_raw;
mod web_serving;
mod web_smuggling;
mod web_stop;
mod web_upload;
mod web_websocket;
mod web_wsgi;
#[cfg(feature = "work")]
mod work_engine;
#[cfg(feature = "work")]
mod work_journal;
#[cfg(feature = "work")]
mod work_nats;
mod work_nats_access;
mod work_nats_admin;
