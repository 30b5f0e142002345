//! The TCP client of every network course: send a request, read the whole answer, print it.
//!
//! ```text
//! cargo run -p sockeye --example http_get -- www.python.org:80 /index.html
//! cargo run -p sockeye --example http_get -- tls://www.python.org:443
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;

use sockeye::{Endpoint, Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let to: Endpoint = args.next().as_deref().unwrap_or("localhost:80").parse()?;
    let path = args.next().unwrap_or("/index.html".into());

    let mut server = Net::new().connect(&to).await?;
    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
    server.write_all(request.as_bytes()).await?;
    // A server that speaks HTTP/1.0 ends the connection after its answer, so the end of the bytes is the end of it.
    let mut response = Vec::new();
    server.read_to_end(&mut response).await?;
    println!("{}", String::from_utf8_lossy(&response));
    Ok(())
}
