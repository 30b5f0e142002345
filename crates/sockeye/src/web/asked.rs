//! Asking a handler without a socket, for tests.
