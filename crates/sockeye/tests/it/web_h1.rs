//! HTTP/1 as the server, by raw bytes.
