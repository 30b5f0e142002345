//! `sockeye convert` with CSV and TSV.
