//! Serves a folder to this machine, and says for each request what was decided and why, until Ctrl-C.
//!
//! ```text
//! cargo run -p sockeye --example serve_files -- DIR
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use sockeye::Net;
use sockeye::web::files::{Coding, Files, Root, Rules, Settings};
use sockeye::web::{Handler, Reply, Request, Server, Trail};
use tokio_util::sync::CancellationToken;

/// Files, and somebody who tells what becomes of requests.
struct Told(Files);

impl Handler for Told {
    fn handle(&self, mut request: Request) -> Reply {
        let trail = Trail::new();
        request.set_trail(trail.clone());
        let what = format!("{} {}", request.method(), request.path());
        self.0.handle(request).map(move |response| {
            println!("{what}: {}", response.status());
            for note in trail.notes() {
                println!("  {}: {}", note.rule, note.text);
            }
            response
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> sockeye::Result<()> {
    let dir = std::env::args_os().nth(1).unwrap_or_else(|| ".".into());
    let mut settings = Settings::default();
    settings.compress = vec![Coding::Zstd, Coding::Gzip];
    settings.pretty = true;
    let files = Files::new(Root::new(dir, Rules::default())?).settings(settings);

    let listener = Net::new().listen(&"0".parse()?).await?;
    println!("listening on {}", listener.local());
    let server = Server::new(Told(files));
    server.serve(listener, CancellationToken::new()).await?;
    Ok(())
}
