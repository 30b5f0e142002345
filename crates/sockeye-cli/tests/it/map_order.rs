//! `map`: order, memory, halting, rates, retries.
