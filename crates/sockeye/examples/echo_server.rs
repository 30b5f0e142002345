//! A server for many clients at once that sends back what each one says, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example echo_server
//! cargo run -p sockeye --example echo_server -- tls://localhost:0
//! cargo run -p sockeye --example echo_server -- udp://localhost:15000
//! ```
//!
//! A bare port, as in the first line, is reachable from this machine only.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::print_stderr, reason = "an example shows what it does")]

use std::env;
use std::error::Error;

use sockeye::net::{Arrival, Limits, serve};
use sockeye::relay::{JoinOptions, Service, join};
use sockeye::{Endpoint, Net, Result};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let at: Endpoint = env::args().nth(1).as_deref().unwrap_or("0").parse()?;
    let listener = Net::new().listen(&at).await?;
    println!("listening on {}", listener.local());
    for acceptor in listener.acceptors() {
        println!("certificate pin=sha256:{}", acceptor.fingerprint());
    }

    let stop = CancellationToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler Ctrl-C ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
        on_ctrl_c.cancel();
    });
    let handle = {
        let stop = stop.clone();
        move |arrival| {
            let stop = stop.clone();
            async move {
                if let Err(error) = echo(arrival, stop).await {
                    eprintln!("{error}");
                }
            }
        }
    };
    let served = serve(listener, Limits::default(), stop, handle).await?;
    println!("served {} clients", served.accepted);
    Ok(())
}

async fn echo(arrival: Arrival, stop: CancellationToken) -> Result<()> {
    let Arrival::Accepted(incoming) = arrival else {
        return Ok(());
    };
    let client = incoming.handshake().await?;
    let echo = Service::Echo.link_for(&client);
    let mut options = JoinOptions::default();
    options.stop = Some(stop);
    let joined = join(client, echo, &options).await;
    println!("echoed {} bytes", joined.totals.downstream.bytes);
    Ok(())
}
