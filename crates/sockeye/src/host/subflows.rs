//! What is counted once: a Multipath TCP socket stands in a list beside the TCP sockets that are its paths (subflows).
//!
//! The kernel gives all of them the inode of the descriptor that the program has. Paths of connections that nobody has
//! accepted yet have none, and are not known as such.

use std::collections::HashSet;

use super::socket::{Protocol, Socket};

/// Knows which TCP sockets are paths of Multipath TCP sockets among the sockets that it was made of.
///
/// # Examples
///
/// ```
/// use sockeye::host::socket::{Protocol, Socket, State};
/// use sockeye::host::subflows::Subflows;
///
/// let row = |protocol| {
///     let mut socket = Socket::new(protocol, State::Listening);
///     socket.inode = Some(4711);
///     socket
/// };
/// let listed = [row(Protocol::Tcp), row(Protocol::Mptcp)];
/// let subflows = Subflows::of(&listed);
/// let count = listed.iter().filter(|socket| !subflows.has(socket)).count();
/// assert_eq!(count, 1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Subflows {
    /// The inodes of the Multipath TCP sockets.
    inodes: HashSet<u64>,
}

impl Subflows {
    /// Those of the Multipath TCP sockets among these.
    pub fn of<'a>(sockets: impl IntoIterator<Item = &'a Socket>) -> Self {
        let sockets = sockets.into_iter();
        let multipath = sockets.filter(|socket| socket.protocol == Protocol::Mptcp);
        Self {
            inodes: multipath.filter_map(|socket| socket.inode).collect(),
        }
    }

    /// Whether this TCP socket is a path of one of them.
    pub fn has(&self, socket: &Socket) -> bool {
        socket.protocol == Protocol::Tcp
            && socket
                .inode
                .is_some_and(|inode| self.inodes.contains(&inode))
    }
}
