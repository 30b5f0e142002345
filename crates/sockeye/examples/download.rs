//! Fetches files into the working directory, several at once, and goes on with what an earlier run left.
//!
//! ```text
//! cargo run -p sockeye --example download -- http://127.0.0.1:8000/a http://127.0.0.1:8000/b
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example shows what it does"
)]

use sockeye::client::download::{Download, Event, Traffic, all};
use sockeye::client::http::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let (client, traffic) = (Client::new(), Traffic::default());
    let mut downloads = Vec::new();
    for url in std::env::args().skip(1) {
        let shown = url.clone();
        let download = Download::new(&client, &url)?.traffic(traffic.clone());
        downloads.push(download.watch(move |event| {
            if let Event::Retrying { why, .. } | Event::StartedOver { why } = event {
                eprintln!("{shown}: {why}");
            }
        }));
    }
    all(downloads, 8, |number, outcome| match outcome {
        Ok(saved) => println!(
            "{}: {} bytes, {} new",
            saved.path.display(),
            saved.length,
            saved.received
        ),
        Err(failed) => eprintln!("{number}: {failed}"),
    })
    .await;
    Ok(())
}
