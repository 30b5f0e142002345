//! One UDP socket for many peers: each datagram comes back in capitals, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example udp_server -- udp://127.0.0.1:15000
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;

use sockeye::net::MAX_DATAGRAM;
use sockeye::{Endpoint, Net};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let at = env::args().nth(1);
    let at: Endpoint = at.as_deref().unwrap_or("udp://127.0.0.1:0").parse()?;
    let socket = Net::new().bind(&at).await?;
    println!("bound to {}", socket.local());

    let mut buf = vec![0; MAX_DATAGRAM];
    loop {
        let arrived = tokio::select! {
            arrived = socket.recv_from(&mut buf) => arrived?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        let datagram = &mut buf[..arrived.len];
        datagram.make_ascii_uppercase();
        socket.send_to(datagram, &arrived.peer).await?;
    }
}
