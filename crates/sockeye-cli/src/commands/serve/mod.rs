//! `sockeye serve`: a web server at once.

mod accounts;
mod engine;
mod files;
mod https;
mod listing;
mod live;
mod places;
mod programs;
mod reload;
mod sight;
mod site;
mod upload;

pub(crate) use places::url;

use std::path::PathBuf;

use clap::Args as ClapArgs;
use sockeye::web::Server;
use sockeye::{Error, Kind, Operation, Result};
use tokio::task::JoinSet;

use super::serving;
use crate::args::{ServingArgs, TalkingArgs};
use crate::exit::Outcome;
use crate::output::Output;
use crate::signals;

/// Serve a folder, programs, or both over HTTP
///
/// This machine only, unless --listen says otherwise. What is served, to whom and why: `sockeye serve --explain URL`.
#[derive(Debug, ClapArgs)]
#[command(mut_arg("idle_timeout", |idle| idle.help("Close a connection that is idle between requests for this long [default: 60s]")))]
#[command(after_help = "Examples:\n  \
    sockeye serve\n  \
    sockeye serve site --port 8080 --tls\n  \
    sockeye serve --listen :8000 shared\n  \
    sockeye serve --cgi /cgi-bin=./cgi-bin\n  \
    sockeye serve --wsgi shop:app --workers 4\n  \
    sockeye serve --events /load='vmstat -n 1' --websocket /calc='bc -q'")]
pub(crate) struct Args {
    /// The folder to serve [default: the current one]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    places: places::PlaceArgs,
    #[command(flatten)]
    files: files::FileArgs,
    #[command(flatten)]
    listing: listing::ListingArgs,
    #[command(flatten)]
    upload: upload::UploadArgs,
    #[command(flatten)]
    accounts: accounts::AccessArgs,
    #[command(flatten)]
    programs: programs::ProgramArgs,
    #[command(flatten)]
    live: live::LiveArgs,
    #[command(flatten)]
    sight: sight::SightArgs,
    #[command(flatten)]
    engine: engine::EngineArgs,
    #[command(flatten)]
    pub(crate) serving: ServingArgs,
    #[command(flatten)]
    talking: TalkingArgs,
    /// What SIGHUP reads again.
    #[arg(skip)]
    reload: reload::Reload,
}

pub(crate) async fn run(args: Args, output: Output) -> Result<Outcome> {
    args.talking.refuse_via("who listens waits for others")?;
    if let Some(outcome) = accounts::hash(&args, &output)? {
        return Ok(outcome);
    }
    let (site, programs) = site::build(&args, &output).await?;
    if programs.has_applications() {
        let applications = programs.clone();
        args.reload.add("applications", move || {
            applications.reload();
            Ok(())
        });
    }
    if let Some(outcome) = sight::explain(&args, &site, &output).await? {
        programs.stop().await;
        return Ok(outcome);
    }
    let stop = signals::stop_on_all_but_hangup();
    serving::end_after(args.talking.timeout, &stop);
    let mut server = Server::new(site)
        .bounds(args.engine.bounds(&args.serving))
        .limits(args.engine.limits(&args.serving)?);
    let sight = args.sight.open(&output, &args.reload)?;
    if let Some(log) = sight.log() {
        server = server.log(log);
    }
    let net = args.talking.net(&output, false);
    let mut servers = JoinSet::new();
    // Before anybody is told that we are there, and may ask for it.
    let (reload, told) = (args.reload.clone(), output.clone());
    signals::on_hangup(&stop, move || reload.run(&told));
    let listeners = places::listen(&args, &net, &output).await?;
    if let Some((redirect, listener)) = places::redirect(&args, &net, &listeners, &output).await? {
        let stop = stop.clone();
        servers.spawn(async move { redirect.serve(listener, stop).await });
    }
    for listener in listeners {
        let (server, stop) = (server.clone(), stop.clone());
        servers.spawn(async move { server.serve(listener, stop).await });
    }
    if let Some((figures, listener)) = sight.figures(&output).await? {
        let stop = stop.clone();
        servers.spawn(async move { figures.serve(listener, stop).await });
    }
    let mut outcome = Ok(Outcome::Done);
    while let Some(ended) = servers.join_next().await {
        let served = ended.unwrap_or_else(|_| {
            let why = "a task of the server failed";
            Err(Error::new(Kind::Io, Operation::Accept, why))
        });
        if let Err(error) = served {
            // One listener that is broken ends them all: half a server is worse than none.
            stop.cancel();
            outcome = Err(error);
        }
    }
    programs.stop().await;
    sight.close();
    outcome
}
