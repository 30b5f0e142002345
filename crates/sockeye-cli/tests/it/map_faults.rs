//! `map --engine` while workers, brokers and submitters are killed.
