//! One connection by its two ends, asked for exactly: the kernel finds it without a list.

use std::net::{IpAddr, SocketAddr};

use super::socket::{Protocol, Socket};
use super::table::{Request, Table};
use crate::error::Result;

/// One end of a connection that is looked for: a port, and an address unless any will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct End {
    /// The address; IPv4 finds it in IPv6 sockets too. `None` is any.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

impl End {
    /// Whether this address of a socket is that end.
    pub(crate) fn is(&self, address: &super::socket::Address) -> bool {
        let same = |ip: IpAddr| address.ip() == Some(ip.to_canonical());
        address.port() == Some(self.port) && self.ip.is_none_or(same)
    }
}

impl From<SocketAddr> for End {
    fn from(address: SocketAddr) -> Self {
        Self {
            ip: Some(address.ip()),
            port: address.port(),
        }
    }
}

impl From<u16> for End {
    fn from(port: u16) -> Self {
        Self { ip: None, port }
    }
}

/// A connection that is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) protocol: Protocol,
    pub(crate) local: End,
    pub(crate) peer: End,
}

impl Connection {
    /// Whether this socket is an end of it: not a listener that would take it.
    pub(crate) fn is(&self, socket: &Socket) -> bool {
        socket.protocol == self.protocol
            && !socket.is_listener()
            && self.local.is(&socket.local)
            && self.peer.is(&socket.peer)
    }
}

impl Request {
    /// The connection between these two ends, seen from here, and who holds it; `None` if there is none.
    ///
    /// With both addresses the kernel looks it up, however many sockets there are. Without one of them, and if the
    /// connection is bound to a device, it compares the ports of all. There is one row then, or one for each connection
    /// that fits. If a connection has not been accepted yet, the listeners of its port follow, so that
    /// [`Table::owners`] can name them. Protocols, states, ports and filters of the request do not count here.
    ///
    /// # Errors
    ///
    /// As [`Request::read`]; [`Kind::Usage`](crate::Kind::Usage) for a protocol without ports.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::net::{TcpListener, TcpStream};
    /// use sockeye::host::{socket::Protocol, table::Request};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let client = TcpStream::connect(listener.local_addr()?)?;
    /// let (local, peer) = (client.local_addr()?, client.peer_addr()?);
    ///
    /// let found = Request::new().exact(Protocol::Tcp, local, peer)?.expect("we are connected");
    /// assert_eq!(found.sockets.len(), 1);
    /// assert!(Request::new().exact(Protocol::Tcp, local, local.port())?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn exact(
        &self,
        protocol: Protocol,
        local: impl Into<End>,
        peer: impl Into<End>,
    ) -> Result<Option<Table>> {
        let mut request = self.clone();
        request.kernel.connection = Some(Connection {
            protocol,
            local: local.into(),
            peer: peer.into(),
        });
        let table = request.read()?;
        Ok(Some(table).filter(|table| !table.sockets.is_empty()))
    }
}
