//! `structured` beside official suites and other programs.
