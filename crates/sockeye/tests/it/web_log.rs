//! The access log and figures.
