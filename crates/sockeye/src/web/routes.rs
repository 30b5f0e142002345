//! Which handler answers which path.
