//! `codec` beside official suites and other programs.
