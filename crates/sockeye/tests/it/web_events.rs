//! Server-sent events over real connections.
