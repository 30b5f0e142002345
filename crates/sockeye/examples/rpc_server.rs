//! A JSON-RPC server of one's own: methods from plain async functions, over HTTP and WebSocket or over a stream, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example rpc_server -- http 8000
//! curl localhost:8000 --json '{"jsonrpc": "2.0", "method": "sum", "params": [1, 2, 4], "id": 1}'
//! cargo run -p sockeye --example rpc_server -- lines unix:/tmp/rpc
//! cargo run -p sockeye --example rpc_client -- unix:/tmp/rpc greet '{"name": "jo"}'
//! ```

#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::time::Duration;

use sockeye::rpc::jsonrpc::Server;
use sockeye::rpc::{Fault, Methods, Params};
use sockeye::{Endpoint, Net, web};
use tokio_util::sync::CancellationToken;

#[derive(serde::Deserialize)]
struct Greeting {
    name: String,
}

fn methods() -> Methods {
    Methods::new()
        // Values in order become a list or a tuple, values by name a struct; what does not fit is fault -32602.
        .typed("sum", async |terms: Vec<i64>| Ok(terms.iter().sum::<i64>()))
        .typed("greet", async |to: Greeting| {
            Ok(format!("hello, {}", to.name))
        })
        .typed("divide", async |(number, by): (i64, i64)| match by {
            0 => Err(Fault::new(1, "nothing can be divided by 0")),
            _ => Ok(number as f64 / by as f64),
        })
        // As they came: numbers keep all their digits.
        .add("echo", async |params: Params| {
            Ok(params.into_value().unwrap_or_default())
        })
        .add("pause", async |_| {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok("rested".into())
        })
        .help("sum", "Adds whole numbers.")
        .help("echo", "Gives back what it is given.")
}

#[tokio::main]
async fn main() -> sockeye::Result<()> {
    let mut args = std::env::args().skip(1);
    let how = args.next().unwrap_or_else(|| "http".into());
    let at: Endpoint = args.next().unwrap_or_else(|| "0".into()).parse()?;
    let listener = Net::new().listen(&at).await?;
    eprintln!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler Ctrl-C ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
        on_ctrl_c.cancel();
    });
    let server = Server::new(methods());
    match &*how {
        "lines" => server.serve(listener, stop).await?,
        _ => web::Server::new(server).serve(listener, stop).await?,
    };
    Ok(())
}
