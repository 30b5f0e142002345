//! A web server whose pages are programs: `cargo run --example cgi_server -- 8000 ./cgi-bin`.
//!
//! Programs of the folder answer at `/cgi-bin`, `date` at `/date`, and functions of our own at the rest.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]
#![expect(clippy::print_stderr, reason = "an example shows what it does")]

use sockeye::web::programs::{Cgi, Exec, Mounts, Scripts, Setup};
use sockeye::web::{Request, Response, Server};
use sockeye::{Error, Net};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let at = args.next().unwrap_or_else(|| "8000".into());
    let folder = args.next().unwrap_or_else(|| "cgi-bin".into());

    // What programs say to their standard error comes to ours, line by line.
    let setup = Setup::new()
        .limits(|limits| limits.at_once = 8)
        .remarks(|remark| eprintln!("{remark}"));
    let site = async |request: Request| match request.path() {
        "/" => Response::text("try /cgi-bin/ and the name of a program, or /date\n"),
        _ => Response::error(404, "there is nothing here"),
    };
    let site = Mounts::new(site)
        .at("/cgi-bin", Cgi::new(Scripts::new(folder)?, &setup))
        .at("/date", Exec::new("date -u".parse()?, &setup));

    let listener = Net::new().listen(&at.parse()?).await?;
    println!("listening on {}", listener.local());
    let stop = CancellationToken::new();
    Server::new(site)
        .serve(listener, stop)
        .await
        .map(drop)
        .map_err(|error: Error| error.into())
}
