//! gzip, deflate, brotli and zstd, both ways, in pieces and within bounds.
