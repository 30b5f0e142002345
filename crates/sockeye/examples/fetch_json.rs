//! Put a question as JSON and read the answer as JSON, again if the server is busy.
//!
//! ```text
//! cargo run -p sockeye --example fetch_json -- http://localhost:8000/post
//! ```
//!
//! Without a URL, a little server of its own answers.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use serde::{Deserialize, Serialize};
use sockeye::client::http::{Client, Retry};

#[derive(Serialize)]
struct Question<'a> {
    text: &'a str,
}

#[derive(Debug, Deserialize)]
struct Answer {
    number: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let server = sockeye_testkit::Web::new(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"number\": 42}"[..].into()
    });
    let url = std::env::args().nth(1).unwrap_or_else(|| server.url("/"));
    let client = Client::builder().retry(Retry::times(3).all(true)).build();
    let question = Question {
        text: "how much is it?",
    };
    let response = client.post(&url).json(&question).send().await?;
    let answer: Answer = response.error_for_status()?.json().await?;
    println!("{answer:?}: {}", answer.number);
    Ok(())
}
