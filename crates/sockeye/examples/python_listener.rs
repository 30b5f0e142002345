//! A listener for Python's `multiprocessing.connection`: each value comes back with its kind, for many clients at once.
//!
//! ```text
//! cargo run -p sockeye --example python_listener -- 'python+tcp:6000?authkey=peekaboo'
//!
//! python3 -c 'from multiprocessing.connection import Client
//! with Client(("localhost", 6000), authkey=b"peekaboo") as conn:
//!     conn.send({"n": (1, 2.0)}); print(conn.recv())'
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;

use sockeye::data::value::Value;
use sockeye::net::{Arrival, Limits, Link, serve};
use sockeye::rpc::python::Connection;
use sockeye::{Endpoint, Net};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let at = env::args().nth(1);
    let at: Endpoint = at.as_deref().unwrap_or("python+tcp:0").parse()?;
    let listener = Net::new().listen(&at).await?;
    println!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler Ctrl-C ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
        on_ctrl_c.cancel();
    });
    serve(listener, Limits::default(), stop, |arrival| async move {
        if let Err(error) = answer(arrival).await {
            println!("{error}");
        }
    })
    .await?;
    Ok(())
}

async fn answer(arrival: Arrival) -> sockeye::Result<()> {
    let Arrival::Accepted(incoming) = arrival else {
        return Ok(());
    };
    // Here the client shows that it knows the key.
    let Link::Messages(messages) = incoming.handshake().await? else {
        return Ok(());
    };
    let peer = Connection::new(messages);
    while let Some(value) = peer.recv().await? {
        let kind = Value::from(value.kind());
        peer.send(&Value::array(vec![kind, value])).await?;
    }
    Ok(())
}
