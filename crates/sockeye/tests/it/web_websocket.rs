//! WebSocket as the server.
