//! `sockeye map dead show`

use sockeye::data::escape::escape;
use sockeye::work::nats::{Broker, DeadLetter};
use sockeye::work::{Blob, Spill};
use sockeye::{Error, Operation, Result};

use super::super::admin::stamp;
use super::{DeadEvent, Which, shown};
use crate::exit::Outcome;
use crate::output::Output;

/// How many bytes of an input and of what a job said are shown.
const MOST_SHOWN: usize = 4096;

/// Show jobs that were given up: their input, why, and what they said last
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    which: Which,
    /// Write the inputs alone, each with a line feed behind it, for another `map`
    #[arg(long, conflicts_with = "json")]
    inputs: bool,
    /// Write NUL behind each input, not a line feed
    #[arg(short = '0', long, requires = "inputs")]
    null: bool,
}

/// Do it.
pub(super) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let broker = args.which.connect().await?;
    let letters = args.which.letters(&broker).await?;
    for letter in &letters {
        if args.inputs {
            let input = broker.dead_input(letter, &Spill::default()).await?;
            input_alone(&input, if args.null { 0 } else { b'\n' }, &output)?;
        } else if output.json() {
            output.json_line(&DeadEvent::new(letter));
        } else {
            output.text(&told(&broker, letter).await);
        }
    }
    broker.close().await;
    Ok(Outcome::Done)
}

fn input_alone(input: &Blob, end: u8, output: &Output) -> Result<()> {
    let failed = |error| Error::from_io(Operation::Write, error);
    let mut file = output.data_file().map_err(failed)?;
    input.write_to(&mut file).map_err(failed)?;
    std::io::Write::write_all(&mut file, &[end]).map_err(failed)
}

async fn told(broker: &Broker, letter: &DeadLetter) -> String {
    let dead = &letter.dead;
    let mut text = format!(
        "{} of {}: input {}, attempt {}, handed out {} times, given up by {} at {}\nwhy: {}\ninput: {}\n",
        letter.id,
        letter.run,
        dead.index + 1,
        dead.attempt,
        dead.deliveries,
        escape(dead.worker.as_bytes()),
        stamp(dead.at_ms),
        escape(dead.reason.as_bytes()),
        shown(letter, MOST_SHOWN),
    );
    // What is gone with its run is not said; why stands above.
    if let Ok(said) = broker.dead_output(letter, &Spill::default()).await {
        for (name, blob) in ["standard output", "standard error"].iter().zip(&said) {
            if !blob.is_empty() {
                let bytes = blob.as_bytes();
                let shown = bytes.map_or_else(
                    || format!("({} bytes)", blob.len()),
                    |bytes| sockeye::data::escape::escape_start(bytes, MOST_SHOWN),
                );
                text.push_str(&format!("{name}: {shown}\n"));
            }
        }
    }
    text
}
