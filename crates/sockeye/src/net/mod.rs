//! Talking: the only place that opens sockets.
//!
//! [`Net`] holds how we talk. It connects to an [`Endpoint`](crate::Endpoint) and hands over a [`Stream`] of bytes or a
//! link of [`Messages`], and it listens, which gives a [`Listener`]; [`serve()`] is the accept loop of every server here.
//! No application protocol is spoken in this module, only what carries or wraps bytes.
//!
//! ```
//! use sockeye::{Link, Net};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let net = Net::new();
//! let mut listener = net.listen(&"0".parse()?).await?;
//! let mut client = net.connect(listener.local()).await?;
//! let incoming = listener.accept().await?.expect("a TCP listener goes on for ever");
//! let Link::Stream(mut server) = incoming.handshake().await? else { panic!("TCP carries bytes") };
//!
//! client.write_all(b"Hello World").await?;
//! client.shutdown().await?; // half-close: the server reads the end, and may still answer
//! let mut heard = String::new();
//! server.read_to_string(&mut heard).await?;
//! server.write_all(b"Hello Yourself").await?;
//! drop(server);
//! let mut answer = String::new();
//! client.read_to_string(&mut answer).await?;
//! assert_eq!((heard.as_str(), answer.as_str()), ("Hello World", "Hello Yourself"));
//! # Ok(())
//! # }
//! ```

mod admission;
mod attempts;
mod carrier;
mod child;
mod connect;
mod context;
mod crowd;
mod datagram;
mod descriptor;
mod detour;
mod examine;
#[cfg(feature = "work")]
pub mod finish;
mod fit;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod layer;
mod listener;
mod messages;
mod opening;
mod place;
#[cfg(feature = "web")]
pub(crate) mod program;
mod race;
pub mod resolve;
mod secure;
mod serve;
pub mod socketserver;
mod stream;
mod via;

pub use admission::Admission;
pub use attempts::{Attempt, Ending, Race};
pub use carrier::exec::Surroundings;
pub use carrier::pty::TerminalSize;
pub(crate) use context::FOREVER;
pub use context::{CONNECT_TIMEOUT, Net};
pub use crowd::PerAddress;
pub use datagram::{Arrived, DatagramSocket, PeerAddress, SessionLimits};
#[cfg(feature = "client")]
pub(crate) use descriptor::Descriptor;
pub use detour::{Detour, Known};
pub use examine::Examined;
#[cfg(feature = "web")]
pub(crate) use layer::early;
#[cfg(feature = "client")]
pub(crate) use layer::http_connect::login_refused;
pub use layer::serving::{TlsServing, Told};
pub use layer::{Acceptor, Certificate, weakened};
pub use listener::{HANDSHAKE_TIMEOUT, Incoming, Listener};
pub(crate) use messages::MessageIo;
pub use messages::{MAX_DATAGRAM, Messages};
#[cfg(feature = "client")]
pub(crate) use opening::Recorder;
pub use opening::{Agreed, Lookup, Opening};
pub use secure::TlsClient;
pub use serve::{Arrival, Limits, Served, WhenFull, serve};
pub(crate) use stream::{Duplex, KernelRef};
pub use stream::{Secured, Stream};

#[cfg(test)]
mod tests;

/// A connection of either kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Link {
    /// It carries bytes.
    Stream(Stream),
    /// It carries messages.
    Messages(Messages),
}

impl Link {
    /// Whether a socket itself carries it, without a layer.
    pub(crate) fn is_socket(&self) -> bool {
        match self {
            Self::Stream(stream) => stream.is_socket(),
            Self::Messages(_) => true,
        }
    }

    /// Break the connection off, see [`Stream::abort`]; a link of messages is just closed.
    pub fn abort(self) {
        if let Self::Stream(stream) = self {
            stream.abort();
        }
    }
}
