//! Programs as methods, over JSON-RPC and XML-RPC: what `sockeye rpc serve --exec` does, in a few lines.
//!
//! `cargo run --example rpc_programs`

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::Net;
use sockeye::rpc::programs::{Given, Program, ProgramLimits, Programs};
use sockeye::rpc::{Methods, jsonrpc, xmlrpc};
use sockeye::web::Handler as _;
use sockeye::web::{Request, Server, Shared, answer_with};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut limits = ProgramLimits::default();
    (limits.at_once, limits.queue) = (2, 10);
    let programs = Programs::new(&limits);
    let mut say = Program::new("printf '%s!'".parse()?);
    say.given = Given::Words;
    let methods = programs.add(Methods::new(), "say", say);
    let methods = programs.add(methods, "count", Program::shell("wc -c"));

    let json = jsonrpc::Server::new(methods.clone());
    let xml = Shared::new(xmlrpc::Service::new(methods));
    let both =
        answer_with(
            move |request: Request| match request.headers().get_str("content-type") {
                Some("text/xml") => xml.handle(request),
                _ => json.handle(request),
            },
        );
    let listener = Net::new().listen(&"0".parse()?).await?;
    let url = listener.local().to_string().replace("tcp:", "http:");
    let stop = CancellationToken::new();
    let server = Server::new(both);
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { server.serve(listener, stop).await }
    });

    let client = jsonrpc::Client::connect(&Net::new(), &url).await?;
    let said = client.call("say", ["hello".into()]).await?;
    let client = xmlrpc::Client::new(&url)?;
    let counted = client.call("count", ["x".into()]).await?;
    assert_eq!((said.as_str(), counted.as_i64()), (Some("hello!"), Some(6)));
    println!("say: {said:?}, count: {counted:?}");
    stop.cancel();
    running.await??;
    Ok(())
}
