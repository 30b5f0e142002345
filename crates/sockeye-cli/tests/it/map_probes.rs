//! `map @connect` and its like.
