//! WSGI programs in worker processes.
