//! Pickles of plain data, in and out; whatever could run code is refused.
