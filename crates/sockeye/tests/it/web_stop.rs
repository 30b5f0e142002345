//! How a server stops.
