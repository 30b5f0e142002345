//! `csv` beside official suites and other programs.
