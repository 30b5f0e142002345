//! `map`: what happens to the programs that it starts.
