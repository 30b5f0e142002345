//! WebSocket (RFC 6455) as the server.
