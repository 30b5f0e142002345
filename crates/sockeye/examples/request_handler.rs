//! A server as `socketserver.StreamRequestHandler` has it: setup, handle and finish for each client, lines in and out, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example request_handler -- 15000
//! cargo run -p sockeye --example request_handler -- unix:/tmp/calc.sock
//! ```
//!
//! Each line holds numbers, and their sum comes back.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::env;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sockeye::net::{Arrival, Incoming, Limits, Link, serve};
use sockeye::{Endpoint, Net, Stream};
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split,
};
use tokio_util::sync::CancellationToken;

/// The longest line that is taken.
const LONGEST: u64 = 4096;

/// What all handlers share: `self.server` in Python.
#[derive(Default)]
struct Server {
    answered: AtomicU64,
}

/// One client.
struct Handler {
    server: Arc<Server>,
    rfile: BufReader<ReadHalf<Stream>>,
    wfile: WriteHalf<Stream>,
}

impl Handler {
    fn setup(server: Arc<Server>, request: Stream) -> Self {
        let (rfile, wfile) = split(request);
        let rfile = BufReader::new(rfile);
        Self {
            server,
            rfile,
            wfile,
        }
    }

    async fn handle(&mut self) -> io::Result<()> {
        let patience = Duration::from_secs(60);
        while let Some(line) = tokio::time::timeout(patience, self.line()).await?? {
            let sum: i64 = line
                .split_whitespace()
                .filter_map(|word| word.parse::<i64>().ok())
                .sum();
            self.wfile.write_all(format!("{sum}\n").as_bytes()).await?;
            self.server.answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The next line; `None` at the end.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        (&mut self.rfile).take(LONGEST).read_line(&mut line).await?;
        Ok((!line.is_empty()).then_some(line))
    }

    async fn finish(mut self) -> io::Result<()> {
        self.wfile.shutdown().await
    }
}

async fn serve_one(server: Arc<Server>, incoming: Incoming) -> Result<(), Box<dyn Error>> {
    let Link::Stream(request) = incoming.handshake().await? else {
        return Err("this server speaks in lines of bytes".into());
    };
    let mut handler = Handler::setup(server, request);
    handler.handle().await?;
    Ok(handler.finish().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let at: Endpoint = env::args().nth(1).as_deref().unwrap_or("0").parse()?;
    let listener = Net::new().listen(&at).await?;
    println!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    let on_ctrl_c = stop.clone();
    tokio::spawn(async move {
        // Without a signal handler Ctrl-C ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
        on_ctrl_c.cancel();
    });
    let server = Arc::new(Server::default());
    let handle = {
        let server = Arc::clone(&server);
        move |arrival| {
            let server = Arc::clone(&server);
            async move {
                if let Arrival::Accepted(incoming) = arrival
                    && let Err(error) = serve_one(server, incoming).await
                {
                    println!("a client failed: {error}");
                }
            }
        }
    };
    let served = serve(listener, Limits::default(), stop, handle).await?;
    let answered = server.answered.load(Ordering::Relaxed);
    println!("{} clients, {answered} sums", served.accepted);
    Ok(())
}
