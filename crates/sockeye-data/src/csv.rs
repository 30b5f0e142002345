//! CSV and TSV (RFC 4180): dialects, sniffing, ragged rows, and columns from records.
