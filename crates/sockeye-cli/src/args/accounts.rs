//! Who is let in by a server.

use std::path::PathBuf;

use sockeye::web::accounts::Accounts;
use sockeye::{Error, Kind, Operation, Result};

/// Who is let in.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Accounts")]
pub(crate) struct AccountArgs {
    /// A user: USER:PASSWORD or USER:HASH (argon2, bcrypt, sha-crypt); may be repeated. With accounts, everything needs one
    #[arg(long, value_name = "USER:PASSWORD")]
    account: Vec<String>,
    /// Users from a file with a line USER:HASH for each, as `htpasswd -B` writes it
    #[arg(long, value_name = "FILE")]
    accounts: Vec<PathBuf>,
    /// A bearer token and whose it is: NAME:TOKEN or NAME:sha256:HEX; may be repeated
    #[arg(long, value_name = "NAME:TOKEN")]
    token: Vec<String>,
    /// Tokens from a file with such a line for each
    #[arg(long, value_name = "FILE")]
    tokens: Vec<PathBuf>,
    /// A client's certificate that the listener checked (tls://...?ca=FILE) is an account: that of its common name
    #[arg(long)]
    certificate_accounts: bool,
    /// Wrong passwords within a minute that an address may send; 429 beyond
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) max_failures: u32,
}

impl AccountArgs {
    /// All accounts.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for what is none, and those of the files.
    pub(crate) fn all(&self) -> Result<Accounts> {
        let mut accounts = Accounts::new();
        for text in &self.account {
            let (name, password) = halves(text, "--account is USER:PASSWORD or USER:HASH")?;
            accounts.add_user(name, password)?;
        }
        for path in &self.accounts {
            accounts.read_users(path)?;
        }
        for text in &self.token {
            let (name, token) = halves(text, "--token is NAME:TOKEN or NAME:sha256:HEX")?;
            accounts.add_token(name, token)?;
        }
        for path in &self.tokens {
            accounts.read_tokens(path)?;
        }
        accounts.certificates(self.certificate_accounts);
        Ok(accounts)
    }
}

/// The halves around the first colon. The text is not quoted: it may be a secret.
fn halves<'t>(text: &'t str, form: &str) -> Result<(&'t str, &'t str)> {
    text.split_once(':')
        .ok_or_else(|| Error::new(Kind::Usage, Operation::Parse, form))
}
