//! XML-RPC with Python's modules, both ways.
