//! Journals of `work`.
