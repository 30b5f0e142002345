//! MessagePack as records.
