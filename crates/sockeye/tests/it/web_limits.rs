//! What is borne of clients.
