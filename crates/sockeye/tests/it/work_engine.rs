//! The loop of `work`: order, memory, retries, halting.
