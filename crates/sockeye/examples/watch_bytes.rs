//! An observer of your own: print who says what on a connection.
//!
//! ```text
//! cargo run -p sockeye --example watch_bytes
//! cargo run -p sockeye --example watch_bytes -- tls://www.python.org:443
//! ```
//!
//! Without an argument it talks to the program `cat`. Over TLS it sees ciphertext at `tcp` and plaintext at `tls`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;
use std::sync::Arc;

use sockeye::data::escape::escape;
use sockeye::wire::{Direction, Event, What};
use sockeye::{Endpoint, Net, Observer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct Watcher;

impl Observer for Watcher {
    fn on_event(&self, event: &Event<'_>) {
        let layer = event.layer;
        match event.what {
            // Ciphertext and framing are counted only.
            What::Data(direction, bytes) if event.covered => {
                println!("{layer}: {direction:?} {} bytes", bytes.len());
            }
            What::Data(Direction::Sent, bytes) => println!("{layer}: we said {}", escape(bytes)),
            What::Data(Direction::Received, bytes) => println!("{layer}: heard {}", escape(bytes)),
            What::HalfClosed(Direction::Sent) => println!("{layer}: we have said all"),
            What::HalfClosed(Direction::Received) => println!("{layer}: the peer has said all"),
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let to = env::args().nth(1);
    let to: Endpoint = to.as_deref().unwrap_or("exec:cat").parse()?;
    let mut peer = Net::new().observer(Arc::new(Watcher)).connect(&to).await?;
    peer.write_all(b"HEAD / HTTP/1.0\r\n\r\n").await?;
    // The end of our side; the peer's answer still arrives.
    peer.shutdown().await?;
    peer.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
