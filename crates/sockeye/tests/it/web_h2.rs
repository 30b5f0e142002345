//! HTTP/2 as the server.
