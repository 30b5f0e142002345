//! `json` beside official suites and other programs.
