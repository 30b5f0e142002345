//! A web server with an access log in Apache's format and figures in the OpenMetrics format, on a listener of their own.
//!
//! ```text
//! cargo run -p sockeye --example web_log
//! ```

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::sync::Arc;

use sockeye::Net;
use sockeye::web::{
    AccessLog, Log, LogFormat, LogWriter, Metrics, Record, Request, Response, Server,
};
use tokio_util::sync::CancellationToken;

/// Both hear of every request.
struct Both(AccessLog, Arc<Metrics>);

impl Log for Both {
    fn answered(&self, record: &Record<'_>) {
        self.0.answered(record);
        self.1.answered(record);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let writer = LogWriter::new(std::io::stderr())?;
    let metrics = Arc::new(Metrics::new());
    let log = Arc::new(Both(
        AccessLog::new(LogFormat::Combined, writer),
        Arc::clone(&metrics),
    ));
    let site = Server::new(|request: Request| async move {
        Response::text(format!("you asked for {}\n", request.path()))
    });
    let net = Net::new();
    let (place, figures) = (
        net.listen(&"0".parse()?).await?,
        net.listen(&"0".parse()?).await?,
    );
    println!(
        "ask {}, then {} for figures",
        place.local(),
        figures.local()
    );
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move { Server::new(metrics.handler()).serve(figures, stop).await }
    });
    site.log(log).serve(place, stop).await?;
    Ok(())
}
