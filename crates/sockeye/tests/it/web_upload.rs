//! Uploads over real connections.
