//! A client of Python's `multiprocessing.connection`: sends JSON values as pickles and prints what comes back.
//!
//! ```text
//! python3 -c 'from multiprocessing.connection import Listener
//! with Listener(("localhost", 6000), authkey=b"peekaboo") as listener, listener.accept() as conn:
//!     while True: conn.send(repr(conn.recv()))'
//!
//! cargo run -p sockeye --example python_client -- 'python+tcp://localhost:6000?authkey=peekaboo' '{"n": [1, 2.0]}'
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;

use sockeye::data::json;
use sockeye::rpc::python::Connection;
use sockeye::{Endpoint, Net};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let to: Endpoint = args.next().ok_or("which endpoint?")?.parse()?;
    let peer = Connection::connect(&Net::new(), &to).await?;
    for text in args {
        peer.send(&json::parse(text.as_bytes())?).await?;
        match peer.recv().await? {
            Some(answer) => println!("{}", json::to_string(&answer)),
            None => return Err("the peer ended without an answer".into()),
        }
    }
    Ok(())
}
