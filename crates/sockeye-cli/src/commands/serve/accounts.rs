//! Who may do what.

use std::io::{IsTerminal, Read};

use clap::Args as ClapArgs;
use sockeye::web::Shared;
use sockeye::web::accounts::{Gate, Rule, hash_password};
use sockeye::web::guard::Guard;
use sockeye::{Error, Kind, Operation, Result};

use super::Args;
use crate::args;
use crate::exit::Outcome;
use crate::local::ask_secret;
use crate::output::Output;

/// A longer password is none.
const LONGEST_PASSWORD: u64 = 1024;

/// Who may do what.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Accounts")]
pub(super) struct AccessArgs {
    #[command(flatten)]
    who: args::AccountArgs,
    /// Who may do what: `PATH read|write|any everyone|users|nobody|NAME,NAME`; the first rule that fits decides; may be repeated
    #[arg(long, value_name = "RULE")]
    access: Vec<Rule>,
    /// Everyone may read, behind the rules of --access; only writing needs an account
    #[arg(long)]
    public_read: bool,
    /// Write the hash of a password to standard output, and serve nothing; asked for, or read from standard input
    #[arg(long)]
    hash_password: bool,
    /// Another name of this site: on this machine only, requests with foreign names are refused; may be repeated
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Pages of this origin may write here, as those of this site may: https://app.example; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
}

impl AccessArgs {
    fn rules(&self, has_accounts: bool) -> Result<Vec<Rule>> {
        let mut rules = self.access.clone();
        let last = match (self.public_read, has_accounts) {
            (true, false) => {
                let error = usage("--public-read without an account: nobody could write");
                return Err(error.with_hint("--account USER:PASSWORD makes one"));
            }
            (true, true) => "/ read everyone",
            (false, true) => return Ok(rules),
            (false, false) => "/ any everyone",
        };
        rules.extend(last.parse::<Rule>());
        Ok(rules)
    }
}

fn usage(why: &str) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

/// The site so far, with this around it.
pub(super) fn wrap(args: &Args, site: Shared, output: &Output) -> Result<Shared> {
    let flags = &args.accounts;
    let accounts = flags.who.all()?;
    let mut site = site;
    if !accounts.is_empty() || !flags.access.is_empty() || flags.public_read {
        let rules = flags.rules(!accounts.is_empty())?;
        if accounts.has_secrets() && args.places.is_plain_for_others()? {
            output.warn(
                "passwords and tokens travel in the clear to other machines; --tls hides them",
            );
        }
        site = Shared::new(Gate::new(accounts, rules, site).max_failures(flags.who.max_failures));
    }
    let mut guard = Guard::new(site);
    // Whoever has a certificate for a name goes by it.
    for name in flags.host.iter().chain(args.places.tls_names()) {
        guard = guard.host(name);
    }
    for origin in &flags.allow_origin {
        guard = guard.origin(origin);
    }
    Ok(Shared::new(guard))
}

/// With `--hash-password`: write the hash of a password, and serve nothing.
pub(super) fn hash(args: &Args, output: &Output) -> Result<Option<Outcome>> {
    if !args.accounts.hash_password {
        return Ok(None);
    }
    let mut stdin = std::io::stdin();
    let password = match stdin.is_terminal() {
        true => ask_secret(output, "password: ")?,
        false => {
            let mut text = String::new();
            let read = stdin
                .by_ref()
                .take(LONGEST_PASSWORD + 2)
                .read_to_string(&mut text);
            read.map_err(|error| Error::from_io(Operation::Read, error))?;
            text.strip_suffix('\n').map_or(text.clone(), str::to_owned)
        }
    };
    let is_one = !password.is_empty()
        && password.len() as u64 <= LONGEST_PASSWORD
        && !password.contains(char::is_control);
    if !is_one {
        return Err(usage("a password is one line of 1 to 1024 bytes"));
    }
    let hash = hash_password(&password).map_err(|error| Error::from_io(Operation::Read, error))?;
    output.text(&format!("{hash}\n"));
    Ok(Some(Outcome::Done))
}
