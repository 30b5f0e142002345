//! What one client of a server costs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use clap::Parser;
use sockeye::relay::Service;
use tokio::net::TcpStream;

use super::*;

#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Line {
    #[command(flatten)]
    global: crate::cli::Global,
}

#[tokio::test]
async fn the_future_of_one_client_is_small() {
    let net = Net::new();
    let at: Endpoint = "127.0.0.1:0".parse().unwrap();
    let mut listener = net.listen(&at).await.unwrap();
    let sockeye::endpoint::Carrier::Tcp(bound) = listener.local().carrier().clone() else {
        unreachable!("it was asked for");
    };
    let _client = TcpStream::connect(bound.to_string()).await.unwrap();
    let incoming = listener.accept().await.unwrap().unwrap();
    let output = Output::new(&Line::parse_from(["sockeye"]).global);
    let serving = Arc::new(Serving {
        at,
        mode: Mode::Service(Service::Echo),
        net,
        stop: CancellationToken::new(),
        cut: CancellationToken::new(),
        options: JoinOptions::default(),
        rate: None,
        reception: Reception::new(&output, false),
        output,
    });
    let future = serving.arrived(Arrival::Accepted(incoming));
    let size = std::mem::size_of_val(&future);
    assert!(size <= 3072, "{size} bytes for each idle client");
}
