//! What one client of a relay costs.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use clap::Parser;
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
    let relaying = Arc::new(Relaying {
        net,
        listen: at.clone(),
        target: at,
        options: JoinOptions::default(),
        reception: Reception::new(&output, false),
        output,
    });
    let future = relaying.arrived(Arrival::Accepted(incoming));
    let size = std::mem::size_of_val(&future);
    assert!(size <= 3072, "{size} bytes for each idle client");
}
