//! `jq` beside official suites and other programs.
