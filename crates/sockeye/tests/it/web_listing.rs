//! Folders as pages and as data.
