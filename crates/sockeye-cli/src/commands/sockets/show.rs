//! How the list is shown: columns, order, form.

use clap::Args;
use sockeye::host::socket::Wanted;
use sockeye::{Error, Kind, Operation, Result};

use super::columns::{BARE, Column, USUAL, WIDE};
use super::template::Template;

/// How the list is shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How to show them")]
pub(super) struct Show {
    /// Numbers instead of names of services
    #[arg(short = 'n', long)]
    pub(super) numeric: bool,
    /// More of each: round-trip time, window, rates, bytes, memory, timers, device, cookie, control group
    #[arg(short = 'w', long, short_aliases = ['e', 'i', 'm', 'o'], overrides_with = "wide")]
    wide: bool,
    /// Put them in the order of this column; `-rtt` puts the greatest first
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, value_parser = order)]
    pub(super) sort: Option<Order>,
    /// Show the first N only
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// These columns, separated by commas
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = column, conflicts_with = "wide")]
    columns: Vec<Column>,
    /// Comma-separated values (RFC 4180), numbers plain
    #[arg(long, conflicts_with = "format")]
    pub(super) csv: bool,
    /// A line of this form for each: '{pid} {local}'; {{ is a brace, \n and \t are what they are in C
    #[arg(long, value_name = "TEXT", value_parser = Template::parse, conflicts_with = "columns")]
    pub(super) format: Option<Template>,
    /// Both ends of a connection in one row, where both are of this machine
    #[arg(long, conflicts_with_all = ["csv", "format", "columns", "wide", "sort"])]
    pub(super) pairs: bool,
    /// Names of peers, below the list as they come: from the hosts file and name servers, for two seconds
    #[arg(short = 'r', long, conflicts_with_all = ["csv", "format", "pairs"])]
    pub(super) names: bool,
    /// No line of titles
    #[arg(short = 'H', long)]
    pub(super) no_header: bool,
}

/// An order of rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) column: Column,
    pub(super) descending: bool,
}

impl Show {
    /// The columns of a table; those of owners are left out where nobody has looked for them, unless they were chosen.
    pub(super) fn columns(&self, owners: bool) -> &[Column] {
        match (&self.columns[..], self.wide) {
            ([], false) if !owners => BARE,
            ([], false) => USUAL,
            ([], true) => WIDE,
            (chosen, _) => chosen,
        }
    }

    /// All columns that have to be filled.
    pub(super) fn needed(&self, json: bool) -> Vec<Column> {
        let shown = match &self.format {
            Some(template) => template.columns().collect(),
            None if json && self.wide => Column::ALL.to_vec(),
            None => self.columns(true).to_vec(),
        };
        let sorted = self.sort.map(|order| order.column);
        shown.into_iter().chain(sorted).collect()
    }

    /// Refuse forms that exclude each other; `--json` is a flag of all commands.
    pub(super) fn check(&self, json: bool) -> Result<()> {
        let other = [
            (self.csv, "--csv"),
            (self.format.is_some(), "--format"),
            (!self.columns.is_empty(), "--columns"),
        ];
        match other.into_iter().find(|(given, _)| *given && json) {
            Some((_, flag)) => {
                let why = format!("--json and {flag} exclude each other");
                Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("choose one of them"))
            }
            None => Ok(()),
        }
    }
}

/// What the kernel has to be asked for, for these columns.
pub(super) fn wanted(columns: &[Column]) -> Wanted {
    columns.iter().fold(Wanted::default(), |all, column| {
        let wants = column.wants();
        Wanted {
            tcp: all.tcp || wants.tcp,
            memory: all.memory || wants.memory,
            rest: all.rest || wants.rest,
        }
    })
}

/// A column by its name.
pub(super) fn column(name: &str) -> Result<Column, String> {
    Column::named(name).ok_or_else(|| {
        let names: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
        format!(
            "there is no column {name:?}; there are {}",
            names.join(", ")
        )
    })
}

fn order(text: &str) -> Result<Order, String> {
    let name = text.strip_prefix('-');
    Ok(Order {
        column: column(name.unwrap_or(text))?,
        descending: name.is_some(),
    })
}
