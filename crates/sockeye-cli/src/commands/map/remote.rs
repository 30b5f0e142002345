//! `map --engine`: the same loop, whose work is done by workers elsewhere; and what is told of that.

use std::sync::Arc;

use serde_json::json;
use sockeye::work::nats::{Counts, Remote, RemoteEvent, RemoteOptions};
use sockeye::work::{Progress, Spill};
use sockeye::{Error, Kind, Operation, Result};

use super::Spec;
use super::args::EngineArgs;
use crate::commands::broker::{self, Told};
use crate::output::{Level, Output};

/// Begin a run at the broker that is named, or go on with it.
///
/// # Errors
///
/// Those of connecting and of [`Remote::start`].
pub(crate) async fn start(
    args: &EngineArgs,
    spec: &Spec,
    spill: &Spill,
    progress: &Arc<Progress>,
    output: &Output,
) -> Result<Remote> {
    let Some(servers) = &args.engine else {
        return Err(Error::new(
            Kind::Usage,
            Operation::Connect,
            "no --engine is named",
        ));
    };
    let broker = broker::connect(&args.broker, servers, args.wire, output).await?;
    if let Some(warning) = broker.warning() {
        output.warn(warning);
    }
    let spec = serde_json::to_vec(spec).map_err(|error| {
        Error::new(
            Kind::Usage,
            Operation::Parse,
            format!("this cannot be sent to workers: {error}"),
        )
    })?;
    let mut options = RemoteOptions::default();
    options.run.clone_from(&args.run);
    options.batch = args.batch();
    if let Some(lease) = args.lease {
        options.lease = lease;
    }
    options.spill = spill.clone();
    options.progress = Some(Arc::clone(progress));
    let told = output.clone();
    options.observer = Some(Arc::new(move |event| {
        if let Some(line) = tell(&event) {
            match told.json() {
                true => told.event(Level::Normal, &line),
                false => told.warn(&line),
            }
        }
    }));
    let remote = Remote::start(broker, &spec, options).await?;
    let (run, is_resumed) = (remote.run_name(), remote.is_resumed());
    output.event(
        if is_resumed {
            Level::Normal
        } else {
            Level::Verbose
        },
        &Told {
            text: match is_resumed {
                true => format!("going on with the run {run}"),
                false => format!("the run is called {run}"),
            },
            event: json!({"type": "run", "run": run, "resumed": is_resumed}),
        },
    );
    Ok(remote)
}

/// End a run there: done, or given up. What was counted is told.
///
/// # Errors
///
/// Those of [`Remote::finish`].
pub(crate) async fn finish(remote: Remote, is_done: bool, output: &Output) -> Result<()> {
    let run = remote.run_name().to_owned();
    let counts = remote.finish(is_done).await?;
    let odd =
        counts.lost + counts.duplicates + counts.resubmitted + counts.handed_back + counts.dead;
    let level = if odd > 0 {
        Level::Normal
    } else {
        Level::Verbose
    };
    output.event(level, &account(&run, &counts));
    Ok(())
}

fn account(run: &str, counts: &Counts) -> Told {
    let Counts {
        results,
        submitted,
        resubmitted,
        found,
        duplicates,
        skipped,
        handed_back,
        lost,
        dead,
        ..
    } = *counts;
    Told {
        text: format!(
            "{run}: {results} results ({found} found there) of {submitted} submitted, {resubmitted} of them again; {lost} lost with their \
             worker, {handed_back} handed back, {duplicates} done twice, {skipped} found done, {dead} given up"
        ),
        event: json!({"type": "account", "run": run, "results": results, "found": found, "submitted": submitted,
            "resubmitted": resubmitted, "lost": lost, "handed_back": handed_back, "duplicates": duplicates, "skipped": skipped,
            "dead": dead}),
    }
}

fn tell(event: &RemoteEvent) -> Option<Told> {
    let line = |text: String, event| Some(Told { text, event });
    match event {
        RemoteEvent::NoWorkers => line(
            "0 workers: nobody takes jobs; start `sockeye worker --engine URL`".into(),
            json!({"type": "workers", "workers": 0}),
        ),
        RemoteEvent::Workers(count) => line(
            format!("{count} workers"),
            json!({"type": "workers", "workers": count}),
        ),
        RemoteEvent::LostState(jobs) => line(
            format!("engine lost state, resubmitted {jobs}"),
            json!({"type": "lost-state", "resubmitted": jobs}),
        ),
        RemoteEvent::Stuck(jobs) => line(
            format!("engine handed {jobs} jobs to nobody, its consumer was made anew"),
            json!({"type": "stuck", "jobs": jobs}),
        ),
        RemoteEvent::Resubmitted(jobs) => line(
            format!("{jobs} jobs had gone missing and were resubmitted"),
            json!({"type": "resubmitted", "resubmitted": jobs}),
        ),
        RemoteEvent::Canceled => line("the run was canceled".into(), json!({"type": "canceled"})),
        _ => None,
    }
}
