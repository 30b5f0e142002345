//! This machine: what the system knows about services. (No sockets are opened here.)

pub mod services;
