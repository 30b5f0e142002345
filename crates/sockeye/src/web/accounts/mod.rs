//! Who may do what: accounts, and rules by path and verb.
//!
//! [`Accounts`] says who there is and how they prove it: by a password, a token, a certificate. [`Gate`] is the handler that
//! lets in who may, by [`Rule`]s. Passwords are compared with slow hashes on threads of their own, a few at a time; what was
//! found good is known for five minutes, and addresses that guess have to wait.

mod access;
mod authorization;
mod gate;
mod known;
mod password;

pub use access::{Rule, RuleError};
pub use gate::Gate;
pub use password::hash_password;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use sha2::{Digest, Sha256};
use sockeye_data::accounts::{self, Hash, LONGEST_FILE};

use self::password::Secret;
use crate::error::{Error, Kind, Operation, Result};

/// Who there is, and how they prove it.
///
/// # Examples
///
/// ```
/// use sockeye::web::accounts::{Accounts, Gate, Rule};
/// use sockeye::web::{Handler, Request, Response};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut accounts = Accounts::new();
/// accounts.add_user("ann", "s3cret")?;
/// let site = |request: Request| async move { Response::text(request.user().unwrap_or("nobody").to_owned()) };
/// let rules: Vec<Rule> = vec!["/ read everyone".parse()?];
/// let gate = Gate::new(accounts, rules, site);
/// assert_eq!(gate.handle(Request::made("GET", "/")).response().await.status(), 200);
/// assert_eq!(gate.handle(Request::made("PUT", "/a")).response().await.status(), 401);
/// let ann = Request::made("PUT", "/a").with_header("Authorization", "Basic YW5uOnMzY3JldA==")?;
/// assert_eq!(gate.handle(ann).response().await.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Accounts {
    users: HashMap<String, Secret>,
    tokens: Vec<(String, [u8; 32])>,
    certificates: bool,
}

impl Accounts {
    /// Nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no way to prove anything.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.tokens.is_empty() && !self.certificates
    }

    /// Whether secrets travel with requests, which others could read without TLS.
    pub fn has_secrets(&self) -> bool {
        !self.users.is_empty() || !self.tokens.is_empty()
    }

    /// A user with this password, or with the hash of it: argon2, bcrypt (`$2y$`) or sha-crypt (`$5$`, `$6$`).
    ///
    /// # Errors
    ///
    /// A name or a secret that cannot be one, a user that is there already.
    pub fn add_user(&mut self, name: &str, secret: &str) -> Result<()> {
        accounts::split(&format!("{name}:{secret}")).map_err(usage)?;
        let secret = match Hash::is_meant(secret) {
            true => Secret::Hash(Hash::parse(secret).map_err(usage)?),
            false => Secret::of(secret.as_bytes()),
        };
        self.insert(name, secret)
    }

    /// The users of a file with a line `USER:HASH` for each, as htpasswd(1) writes it.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a line that is wrong: hashes that are too weak, and passwords as they are, among them.
    pub fn read_users(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        for entry in read(path)? {
            let hash = entry.secret.split(':').next().unwrap_or_default();
            let hash = Hash::parse(hash).map_err(|why| in_line(path, entry.line, why))?;
            self.insert(&entry.name, Secret::Hash(hash))?;
        }
        Ok(())
    }

    /// A token, and the name of whoever has it. `sha256:HEX` is the digest of one.
    ///
    /// # Errors
    ///
    /// A name or a token that cannot be one.
    pub fn add_token(&mut self, name: &str, token: &str) -> Result<()> {
        accounts::split(&format!("{name}:{token}")).map_err(usage)?;
        let digest = match token.strip_prefix("sha256:") {
            Some(hex) => {
                let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes());
                let digest = bytes.ok().and_then(|it| it.try_into().ok());
                digest
                    .ok_or_else(|| usage("a token's digest that has not 64 hexadecimal digits"))?
            }
            None => Sha256::digest(token.as_bytes()).into(),
        };
        self.tokens.push((name.to_owned(), digest));
        Ok(())
    }

    /// The tokens of a file with a line `NAME:TOKEN` or `NAME:sha256:HEX` for each.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, a line that is wrong.
    pub fn read_tokens(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        for entry in read(path)? {
            self.add_token(&entry.name, &entry.secret)
                .map_err(|error| in_line(path, entry.line, error.why()))?;
        }
        Ok(())
    }

    /// Whether a certificate that a client showed, and that the listener checked, proves a user: the one of its common name.
    pub fn certificates(&mut self, are_accepted: bool) {
        self.certificates = are_accepted;
    }

    fn insert(&mut self, name: &str, secret: Secret) -> Result<()> {
        match self.users.insert(name.to_owned(), secret) {
            Some(_) => Err(usage(&format!("the user {name} is there twice"))),
            None => Ok(()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<accounts::Entry>> {
    let failed = |error| Error::from_io(Operation::Open, error).about(path.display());
    let length = std::fs::metadata(path).map_err(failed)?.len();
    if length > LONGEST_FILE as u64 {
        return Err(in_line(path, 1, "a file of more than 4 MiB"));
    }
    let text = std::fs::read(path).map_err(failed)?;
    accounts::parse(&text).map_err(|error| usage(&error.to_string()).about(path.display()))
}

fn usage(why: &str) -> Error {
    Error::new(Kind::Usage, Operation::Parse, why)
}

fn in_line(path: &Path, line: usize, why: &str) -> Error {
    usage(&format!("{why} (line {line})")).about(path.display())
}

/// Never with what proves who somebody is.
impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accounts")
            .field("users", &self.users.keys())
            .field("tokens", &self.tokens.len())
            .field("certificates", &self.certificates)
            .finish()
    }
}
