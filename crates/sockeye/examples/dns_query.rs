//! Ask a name server, and show every byte of the conversation.
//!
//! ```text
//! cargo run -p sockeye --example dns_query -- udp://192.0.2.53 example.org HTTPS
//! ```
//!
//! Without a server, the first of this machine's is asked.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::io;
use std::sync::Arc;

use sockeye::net::resolve::query::{self, Options, Question, RecordKind, Server};
use sockeye::wire::hexdump::HexView;
use sockeye::{Error, Kind, Net, Operation};

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let net = Net::new();
    let servers = match arguments.first() {
        Some(first) if first.contains("://") => vec![arguments.remove(0).parse()?],
        _ => Server::system(&net).await,
    };
    let name = arguments.first().map_or("localhost", String::as_str);
    let kind = arguments
        .get(1)
        .map_or(Ok(RecordKind::A), |kind| kind.parse())?;
    let question = Question::new(name.parse()?, kind);
    let Some(server) = servers.first() else {
        let why = "this machine knows no name server";
        return Err(Error::new(Kind::Name, Operation::Resolve, why));
    };

    let net = net.observer(Arc::new(HexView::new(Box::new(io::stderr()))));
    let response = query::ask(&net, server, &question, &Options::default()).await?;
    println!("{}: {}", response.question, response.outcome);
    for record in &response.answers {
        println!("{record}");
    }
    for fallback in &response.fallbacks {
        println!("note: {fallback}");
    }
    let millis = response.elapsed.as_secs_f64() * 1e3;
    println!(
        "{} bytes from {} in {millis:.1} ms",
        response.size, response.server
    );
    Ok(())
}
