//! `mail` beside official suites and other programs.
