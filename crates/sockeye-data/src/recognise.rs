//! What bytes are: compression, charset, format, dialect, and why.
