//! Messages to and from Python's `multiprocessing.connection`: `Client` and `Listener`, with plain data.
//!
//! An endpoint of the layer `python` (`python+tcp://host:port?authkey=…`, `python+unix:/path`) carries messages; [`Connection`] makes
//! pickles of values and values of pickles. A pickle that could run code is an error that names the opcode, see
//! [`pickle`]: nothing of it is executed. Both generations of authentication are spoken, that of Python up to
//! 3.11 and that of 3.12 and later. It shows that both sides know the key; it encrypts nothing.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> sockeye::Result<()> {
//! use sockeye::Net;
//! use sockeye::data::value::Value;
//! use sockeye::rpc::python::{Connection, Listener};
//!
//! // In Python: with Listener(("localhost", 0), authkey=b"peekaboo") as listener: conn = listener.accept()
//! let net = Net::new();
//! let mut listener = Listener::bind(&net, &"python+tcp:0?authkey=peekaboo".parse()?).await?;
//! let address = listener.local().clone();
//! let server = tokio::spawn(async move {
//!     let peer = listener.accept().await?;
//!     while let Some(value) = peer.recv().await? {
//!         peer.send(&Value::array(vec![Value::from("got"), value])).await?;
//!     }
//!     Ok::<(), sockeye::Error>(())
//! });
//!
//! // In Python: with Client(address, authkey=b"peekaboo") as conn: conn.send("Hello World"); print(conn.recv())
//! let peer = Connection::connect(&net, &address).await?;
//! peer.send(&Value::from("Hello World")).await?;
//! let answer = peer.recv().await?.expect("an answer");
//! assert_eq!(answer.as_array().unwrap()[1].as_str(), Some("Hello World"));
//! drop(peer);
//! server.await.expect("the task ends")?;
//! # Ok(())
//! # }
//! ```
//!
//! For many clients at once there is [`net::serve()`](crate::net::serve()): [`Incoming::handshake`](crate::net::Incoming::handshake)
//! gives a [`Link::Messages`], and [`Connection::new`] takes its messages.

mod lines;

pub use lines::{Told, lines};

use crate::data::pickle;
use crate::data::record;
use crate::data::value::Value;
use crate::error::{Error, Kind, Operation, Result};
use crate::net::{Link, Messages, Net};
use crate::{Endpoint, net};

/// What a listener of Python's begins with if it wants a key.
const CHALLENGE: &[u8] = b"#CHALLENGE#";

/// A connection to a Python process, or to another one of ours: what `multiprocessing.connection.Connection` is.
///
/// Sending and receiving go on side by side, in several tasks if need be.
#[derive(Debug)]
pub struct Connection {
    messages: Messages,
    options: pickle::ReadOptions,
}

impl Connection {
    /// Connect to a listener: what `Client(address, authkey=…)` does.
    ///
    /// # Errors
    ///
    /// As [`Net::connect_messages`]; [`Kind::Rejected`] if one side does not know the key, [`Kind::TimedOut`] if the listener asks
    /// for none although we have one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened so far.
    pub async fn connect(net: &Net, to: &Endpoint) -> Result<Self> {
        Ok(Self::new(net.connect_messages(to).await?))
    }

    /// A connection over messages that are there already.
    pub fn new(messages: Messages) -> Self {
        Self {
            messages,
            options: pickle::ReadOptions::default(),
        }
    }

    /// The same with other bounds for what is received.
    #[must_use]
    pub fn with_options(mut self, options: pickle::ReadOptions) -> Self {
        self.options = options;
        self
    }

    /// Send a value as a pickle: `conn.recv()` of Python gives dict, list, str, bytes, int, float, bool or None.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the value cannot be said, see [`pickle::to_vec`]; else as [`Messages::send`].
    ///
    /// # Cancel safety
    ///
    /// As [`Messages::send`].
    pub async fn send(&self, value: &Value) -> Result<()> {
        let message = pickled(value)?;
        self.messages.send(&message).await
    }

    /// Receive what Python sent with `conn.send(value)`; `None` is the end, where Python raises EOFError.
    ///
    /// # Errors
    ///
    /// [`Kind::Protocol`] if the message is no pickle of plain data: the next message can be received all the same.
    /// [`Kind::Rejected`] if the peer wants a key and we gave none; else as [`Messages::recv_vec`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv(&self) -> Result<Option<Value>> {
        match self.messages.recv_vec().await? {
            None => Ok(None),
            Some(message) => value_of(&message, &self.options).map(Some),
        }
    }

    /// Send bytes as they are: `conn.recv_bytes()` of Python gives them.
    ///
    /// # Errors
    ///
    /// As [`Messages::send`].
    ///
    /// # Cancel safety
    ///
    /// As [`Messages::send`].
    pub async fn send_bytes(&self, bytes: &[u8]) -> Result<()> {
        self.messages.send(bytes).await
    }

    /// Receive what Python sent with `conn.send_bytes(bytes)`; `None` is the end.
    ///
    /// # Errors
    ///
    /// As [`Messages::recv_vec`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no message is lost.
    pub async fn recv_bytes(&self) -> Result<Option<Vec<u8>>> {
        self.messages.recv_vec().await
    }

    /// Say that we send no more; the peer's `recv` raises EOFError, and what it says can still be received. Dropping the connection
    /// closes it, as `conn.close()` does.
    ///
    /// # Errors
    ///
    /// As [`Messages::send`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn shutdown(&self) -> Result<()> {
        self.messages.flush().await?;
        self.messages.shutdown()?;
        self.messages.flush().await
    }

    /// The messages below.
    pub fn messages(&self) -> &Messages {
        &self.messages
    }
}

/// Where Python processes connect to: what `multiprocessing.connection.Listener` is.
#[derive(Debug)]
pub struct Listener(net::Listener);

impl Listener {
    /// Listen: what `Listener(address, authkey=…)` does. Port 0 lets the system choose, see [`Listener::local`].
    ///
    /// # Errors
    ///
    /// As [`Net::listen`]; [`Kind::Usage`] if the endpoint carries no messages.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives the address back.
    pub async fn bind(net: &Net, at: &Endpoint) -> Result<Self> {
        if at.python().is_none() {
            let why = "it carries no messages of Python";
            let error = Error::new(Kind::Usage, Operation::Listen, why).on(at);
            return Err(error.with_hint("as in python+tcp://host:port or python+unix:/path"));
        }
        Ok(Self(net.listen(at).await?))
    }

    /// The address, with the port that the system chose, and with the key, which is not shown when it is printed.
    pub fn local(&self) -> &Endpoint {
        self.0.local()
    }

    /// The next client that knows the key, if one is needed.
    ///
    /// # Errors
    ///
    /// [`Kind::Rejected`], [`Kind::TimedOut`] and others if a client does not get through the authentication: the next one may.
    ///
    /// # Cancel safety
    ///
    /// A client whose authentication is under way is closed.
    pub async fn accept(&mut self) -> Result<Connection> {
        let ended = || {
            Error::new(
                Kind::Lost,
                Operation::Accept,
                "this listener yields no more",
            )
        };
        let incoming = self.0.accept().await?.ok_or_else(ended)?;
        match incoming.handshake().await? {
            Link::Messages(messages) => Ok(Connection::new(messages)),
            Link::Stream(_) => Err(Error::new(
                Kind::Unsupported,
                Operation::Accept,
                "it carries bytes",
            )),
        }
    }
}

/// The value as a message.
fn pickled(value: &Value) -> Result<Vec<u8>> {
    pickle::to_vec(value).map_err(|error| said(Kind::Usage, Operation::Write, &error))
}

/// The value of a message.
fn value_of(message: &[u8], options: &pickle::ReadOptions) -> Result<Value> {
    if message.starts_with(CHALLENGE) {
        let why = "the peer asks for a key, and we have none";
        let error = Error::new(Kind::Rejected, Operation::Read, why);
        return Err(error.with_hint("give it: authkey=KEY, authkey-file=FILE or authkey-env=NAME"));
    }
    pickle::parse_with(message, options).map_err(|error| {
        let error = said(Kind::Protocol, Operation::Read, &error);
        match error.hint() {
            Some(_) => error,
            None => error.with_hint("what was sent with send_bytes is no pickle: payload=bytes"),
        }
    })
}

/// An error of a format as one of a conversation.
fn said(kind: Kind, operation: Operation, error: &record::Error) -> Error {
    let made = Error::new(kind, operation, error.to_string());
    match error.hint() {
        Some(hint) => made.with_hint(hint),
        None => made,
    }
}
