//! A port forward: accept at one endpoint, connect to the other, carry bytes both ways, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example port_forward -- 0 localhost:80
//! cargo run -p sockeye --example port_forward -- 8080 tls://www.python.org:443
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::print_stderr, reason = "an example shows what it does")]

use std::env;
use std::error::Error;

use sockeye::net::Incoming;
use sockeye::relay::{JoinOptions, join};
use sockeye::{Endpoint, Net, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let at: Endpoint = args.next().as_deref().unwrap_or("0").parse()?;
    let to: Endpoint = args.next().as_deref().unwrap_or("localhost:80").parse()?;

    let mut listener = Net::new().listen(&at).await?;
    println!("listening on {}, forwarding to {to}", listener.local());
    loop {
        let incoming = tokio::select! {
            incoming = listener.accept() => incoming?,
            _ = tokio::signal::ctrl_c() => None,
        };
        let Some(incoming) = incoming else {
            return Ok(());
        };
        let to = to.clone();
        tokio::spawn(async move {
            if let Err(error) = forward(incoming, &to).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn forward(incoming: Incoming, to: &Endpoint) -> Result<()> {
    let inbound = incoming.handshake().await?;
    let outbound = match Net::new().open(to).await {
        Ok(outbound) => outbound,
        Err(error) => {
            // A reset: the client must not take our failure for an empty answer.
            inbound.abort();
            return Err(error);
        }
    };
    let totals = join(inbound, outbound, &JoinOptions::default())
        .await
        .totals;
    println!(
        "{} bytes up, {} bytes down",
        totals.upstream.bytes, totals.downstream.bytes
    );
    Ok(())
}
