//! Charsets of the Encoding standard, both ways, in pieces; guesses.
