//! `html` beside official suites and other programs.
