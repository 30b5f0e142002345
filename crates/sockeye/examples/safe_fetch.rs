//! Fetch what a stranger named, as a server may: only from the public internet, and only so much of it.
//!
//! ```text
//! cargo run -p sockeye --example safe_fetch -- https://example.org/
//! cargo run -p sockeye --example safe_fetch -- http://127.0.0.1/        refused
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use sockeye::client::http::{Client, Policy, Redirects};

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let url = std::env::args().nth(1);
    let url = url.unwrap_or_else(|| "http://169.254.169.254/latest/meta-data/".to_owned());
    let policy = Policy::public()
        .max_body(1 << 20)
        .max_time(Duration::from_secs(10))
        .deny_host(".example.net")?;
    // One client for all of it: its policy holds for every request and every redirect.
    let client = Client::builder()
        .policy(policy)
        .redirects(Redirects::default().keep_tls(true))
        .build();
    match client.get(&url).send().await {
        Ok(response) => {
            let (status, last) = (response.status(), response.url().to_string());
            let body = response.bytes().await?;
            println!("{status} from {last}: {} bytes", body.len());
        }
        Err(error) if error.kind() == sockeye::Kind::Denied => println!("refused: {error}"),
        Err(error) => return Err(error),
    }
    Ok(())
}
