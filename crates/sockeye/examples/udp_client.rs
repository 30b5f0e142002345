//! Send one datagram and wait five seconds for an answer.
//!
//! ```text
//! cargo run -p sockeye --example udp_client -- udp://127.0.0.1:15000 hello
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;
use std::time::Duration;

use sockeye::net::MAX_DATAGRAM;
use sockeye::{Endpoint, Net};
use tokio::time::timeout;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let to = args.next();
    let to: Endpoint = to.as_deref().unwrap_or("udp://127.0.0.1:15000").parse()?;
    let text = args.next().unwrap_or("hello".into());

    let server = Net::new().connect_messages(&to).await?;
    server.send(text.as_bytes()).await?;
    let mut buf = vec![0; MAX_DATAGRAM];
    // Datagrams get lost, so whoever waits for one has to set a limit.
    let answer = timeout(Duration::from_secs(5), server.recv(&mut buf)).await??;
    // `None` is the end of the link, which UDP does not have.
    let length = answer.unwrap_or(0);
    println!("{}", String::from_utf8_lossy(&buf[..length]));
    Ok(())
}
