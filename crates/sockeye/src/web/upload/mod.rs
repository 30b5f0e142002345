//! Files that clients send: whole or not at all.
