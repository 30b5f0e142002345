//! `xml` beside official suites and other programs.
