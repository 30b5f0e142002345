//! JSON (RFC 8259), NDJSON and JSON text sequences (RFC 7464): a strict reader in constant memory, and writers.
