//! jq programs over values, on the engine of jaq; which of them need only one element at a time.
