//! `sockeye map dead list`

use sockeye::Result;
use sockeye::data::escape::escape;
use sockeye::work::nats::{DeadFilter, DeadLetter};

use super::super::admin::{self, since};
use super::{DeadEvent, shown};
use crate::exit::Outcome;
use crate::output::{Level, Output};
use crate::sheet::{Column, Layout, Sheet, Tint};

/// How many bytes of an input are shown.
const MOST_SHOWN: usize = 60;
/// How many digits of a job's number are shown: enough to tell thousands apart.
const DIGITS: usize = 12;

/// List the jobs that were given up
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of this run; of all if it is left out
    run: Option<String>,
    #[command(flatten)]
    broker: admin::Whither,
}

/// Do it.
pub(super) async fn run(args: Args, output: Output) -> Result<Outcome> {
    let broker = args.broker.connect("sockeye map dead").await?;
    let filter = DeadFilter {
        run: args.run,
        ..DeadFilter::default()
    };
    let letters = broker.dead_letters(&filter).await?;
    broker.close().await;
    if output.json() {
        letters
            .iter()
            .for_each(|letter| output.json_line(&DeadEvent::new(letter)));
    } else if letters.is_empty() {
        output.say(Level::Normal, "no job was given up");
    } else {
        output.text(&table(&letters, &output));
    }
    Ok(Outcome::Done)
}

fn table(letters: &[DeadLetter], output: &Output) -> String {
    let number = |title| Column {
        right: true,
        ..Column::new(title)
    };
    let columns = vec![
        Column::new("RUN"),
        Column::new("JOB"),
        number("INPUT"),
        number("TRIES"),
        Column::new("GIVEN UP"),
        Column::new("WHY"),
        Column::new("WHAT"),
    ];
    let mut sheet = Sheet::new(columns, letters.len());
    for letter in letters {
        let dead = &letter.dead;
        let cells = [
            letter.run.clone(),
            letter.id.chars().take(DIGITS).collect(),
            (dead.index + 1).to_string(),
            dead.deliveries.to_string(),
            since(dead.at_ms),
            escape(dead.reason.as_bytes()),
            shown(letter, MOST_SHOWN),
        ];
        for cell in cells {
            sheet.text().push_str(&cell);
            sheet.end_cell(Tint::Plain);
        }
    }
    let layout = Layout {
        width: output.text_width(),
        color: output.text_color(),
        header: true,
    };
    let mut text = String::new();
    sheet.write(layout, &mut text);
    text
}
