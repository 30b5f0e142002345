//! `map status`, `map cancel`, `map dead`.
