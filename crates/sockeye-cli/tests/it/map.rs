//! `map`: inputs, templates, output.
