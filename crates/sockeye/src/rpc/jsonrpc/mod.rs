//! JSON-RPC 2.0 over HTTP, TCP, Unix sockets, pipes and WebSocket: client, batches, server.
