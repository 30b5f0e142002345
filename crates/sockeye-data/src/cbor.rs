//! CBOR (RFC 8949) as records.
