//! `engine check`.
