//! Who we are: users, tokens, cookies, sessions.

use std::path::PathBuf;

use clap::Args;
use sockeye::client::http::{
    ClientCredentials, CookieJar, Credential, Credentials, HstsStore, Login, Session,
};
use sockeye::data::cookie;
use sockeye::data::url::Url;
use sockeye::{Error, Kind, Operation, Result};
use tokio::sync::OnceCell;

use crate::commands::fetch::identity::{Identity, secret};
use crate::output::{Level, Output};

/// Who we are: users, tokens, cookies, sessions.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct IdentityArgs {
    /// Who we are to the servers of the URLs: USER:PASSWORD, @FILE or env:NAME with such; without a password it is asked for
    #[arg(short, long, value_name = "USER[:PASSWORD]", help_heading = "Identity")]
    user: Option<String>,
    /// Send user and password as they are, unasked; this is the default
    #[arg(long, conflicts_with_all = ["digest", "any_auth"], help_heading = "Identity")]
    basic: bool,
    /// Prove the password without sending it, once the server asks
    #[arg(long, conflicts_with = "any_auth", help_heading = "Identity")]
    digest: bool,
    /// Wait until the server asks, and use the strongest of what it offers
    #[arg(long, alias = "anyauth", help_heading = "Identity")]
    any_auth: bool,
    /// A token for the servers of the URLs: the token, @FILE or env:NAME
    #[arg(long, value_name = "TOKEN", conflicts_with_all = ["user", "basic", "digest", "any_auth"], help_heading = "Identity")]
    bearer: Option<String>,
    /// Get a token here first (OAuth 2, client credentials), and use it for the servers of the URLs
    #[arg(long, value_name = "URL", requires = "oauth2_client", conflicts_with_all = ["user", "bearer"], help_heading = "Identity")]
    oauth2_token_url: Option<String>,
    /// Who gets the token: ID:SECRET, @FILE or env:NAME with such
    #[arg(
        long,
        value_name = "ID:SECRET",
        requires = "oauth2_token_url",
        help_heading = "Identity"
    )]
    oauth2_client: Option<String>,
    /// What the token is to be good for
    #[arg(
        long,
        value_name = "SCOPE",
        requires = "oauth2_token_url",
        help_heading = "Identity"
    )]
    oauth2_scope: Option<String>,
    /// Look users and passwords up in $NETRC, or ~/.netrc
    #[arg(short, long, help_heading = "Identity")]
    netrc: bool,
    /// Look them up in this file
    #[arg(long, value_name = "FILE", help_heading = "Identity")]
    netrc_file: Option<PathBuf>,
    /// Send these cookies to the origins of the URLs (a=b; c=d), or read those of a cookie file; may be repeated
    #[arg(
        short = 'b',
        long,
        value_name = "COOKIES|FILE",
        help_heading = "Identity"
    )]
    cookie: Vec<String>,
    /// Keep cookies in this file: read before, and written after; - writes them to standard output
    #[arg(short = 'c', long, value_name = "FILE", help_heading = "Identity")]
    cookie_jar: Option<PathBuf>,
    /// Forget cookies that were to end with the session
    #[arg(
        short = 'j',
        long,
        alias = "junk-session-cookies",
        help_heading = "Identity"
    )]
    end_session: bool,
    /// Take no cookies; without this they are kept for the run
    #[arg(long, conflicts_with_all = ["cookie_jar", "session"], help_heading = "Identity")]
    no_cookies: bool,
    /// Keep in this file which hosts want TLS; without it they are known for the run
    #[arg(long, value_name = "FILE", help_heading = "Identity")]
    hsts: Option<PathBuf>,
    /// Keep cookies, user and header lines from run to run, under this name or in this file (with a slash)
    #[arg(long, value_name = "NAME|FILE", help_heading = "Identity")]
    session: Option<String>,
    /// Use a session, and leave its file as it is
    #[arg(
        long,
        value_name = "NAME|FILE",
        conflicts_with = "session",
        help_heading = "Identity"
    )]
    session_read_only: Option<String>,
}

impl IdentityArgs {
    /// Read the files, and ask for what is missing.
    pub(in crate::commands::fetch) fn prepare(&self, output: &Output) -> Result<Identity> {
        let named = self.session.as_ref().or(self.session_read_only.as_ref());
        let session = match named {
            Some(name) => Some(Session::open(session_path(name)?)?),
            None => None,
        };
        let jar = match &session {
            _ if self.no_cookies => None,
            Some(session) => Some(session.cookies()),
            None => Some(CookieJar::new()),
        };
        let mut cookies = Vec::new();
        for word in &self.cookie {
            cookies.extend(self.typed_or_read(word, jar.as_ref(), output)?);
        }
        let jar_file = self.cookie_jar.clone();
        if let (Some(jar), Some(path)) = (&jar, &jar_file)
            && path.as_os_str() != "-"
        {
            complain(output, path, jar.read_file(path)?);
        }
        if let Some(jar) = jar.as_ref().filter(|_| self.end_session) {
            jar.end_session();
        }
        let hsts = HstsStore::new();
        if let Some(path) = &self.hsts {
            complain(output, path, hsts.read_file(path)?);
        }
        let credentials = session
            .as_ref()
            .map_or_else(Credentials::new, Session::credentials);
        credentials.set_login(self.login());
        if let Some(path) = self.netrc_path()? {
            credentials.read_netrc(path)?;
        }
        Ok(Identity {
            jar,
            jar_file,
            hsts,
            hsts_file: self.hsts.clone(),
            credentials,
            credential: self.credential(output)?,
            grant: self.grant(output)?,
            token: OnceCell::new(),
            cookies,
            keeps_session: self.session.is_some(),
            session,
        })
    }

    /// The flags that make curl wait until it is asked, as we do; what goes out unasked is a header line of the request.
    pub(in crate::commands::fetch) fn for_curl(&self, show_secrets: bool) -> Vec<String> {
        let how = match self.login() {
            Login::Digest => "--digest",
            Login::Any => "--anyauth",
            _ => return Vec::new(),
        };
        let Some(word) = &self.user else {
            return Vec::new();
        };
        let who = match word.split_once(':') {
            _ if show_secrets => secret(word, "--user").unwrap_or_default(),
            Some((user, _)) if !word.starts_with('@') && user != "env" => format!("{user}:***"),
            _ => "***".to_owned(),
        };
        [how, "--user", &who].map(str::to_owned).to_vec()
    }

    fn login(&self) -> Login {
        match (self.digest, self.any_auth) {
            (true, _) => Login::Digest,
            (_, true) => Login::Any,
            _ => Login::Basic,
        }
    }

    fn credential(&self, output: &Output) -> Result<Option<Credential>> {
        if let Some(word) = &self.bearer {
            let token = secret(word, "--bearer")?;
            self.warn_of_lists(word, output);
            return Ok(Some(Credential::Bearer(token)));
        }
        let Some(word) = &self.user else {
            return Ok(None);
        };
        let pair = secret(word, "--user")?;
        let (user, password) = match pair.split_once(':') {
            Some((user, password)) => {
                self.warn_of_lists(word, output);
                (user.to_owned(), password.to_owned())
            }
            None => {
                let password =
                    crate::local::ask_secret(output, &format!("password of {pair:?}: "))?;
                (pair, password)
            }
        };
        Ok(Some(Credential::login(self.login(), user, password)))
    }

    fn grant(&self, output: &Output) -> Result<Option<ClientCredentials>> {
        let (Some(url), Some(word)) = (&self.oauth2_token_url, &self.oauth2_client) else {
            return Ok(None);
        };
        let refuse = |why: String| Error::new(Kind::Usage, Operation::Parse, why);
        let url = Url::parse_typed(url)
            .map_err(|error| refuse(format!("--oauth2-token-url: {error}")))?;
        let pair = secret(word, "--oauth2-client")?;
        let (id, key) = pair
            .split_once(':')
            .ok_or_else(|| refuse("--oauth2-client: it is written ID:SECRET".to_owned()))?;
        self.warn_of_lists(word, output);
        let grant = ClientCredentials::new(url, id, key);
        Ok(Some(match &self.oauth2_scope {
            Some(scope) => grant.scope(scope),
            None => grant,
        }))
    }

    fn warn_of_lists(&self, word: &str, output: &Output) {
        if !word.starts_with('@') && !word.starts_with("env:") {
            let note = "note: what is typed here can be seen in the list of processes; @FILE and env:NAME cannot";
            output.say(Level::Verbose, note);
        }
    }

    fn netrc_path(&self) -> Result<Option<PathBuf>> {
        if self.netrc_file.is_some() || !self.netrc {
            return Ok(self.netrc_file.clone());
        }
        let set = std::env::var_os("NETRC").filter(|path| !path.is_empty());
        Ok(Some(match set {
            Some(path) => PathBuf::from(path),
            None => home()?.join(".netrc"),
        }))
    }

    /// `a=b; c=d`, or a file; `@FILE` is always a file.
    fn typed_or_read(
        &self,
        word: &str,
        jar: Option<&CookieJar>,
        output: &Output,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let file = match word.strip_prefix('@') {
            Some(file) => file,
            None if word.contains('=') => {
                let pairs = cookie::pairs(word.as_bytes());
                return Ok(pairs
                    .map(|(name, value)| (name.to_vec(), value.to_vec()))
                    .collect());
            }
            None => word,
        };
        let is_jar = self
            .cookie_jar
            .as_ref()
            .is_some_and(|jar| jar.as_os_str() == file);
        if !is_jar && !std::path::Path::new(file).exists() {
            let error = Error::new(
                Kind::Usage,
                Operation::Open,
                "there is no such file of cookies",
            );
            return Err(error
                .about(file)
                .with_hint("a cookie is written NAME=VALUE"));
        }
        if let Some(jar) = jar {
            complain(output, file.as_ref(), jar.read_file(file)?);
        }
        Ok(Vec::new())
    }
}

fn complain(
    output: &Output,
    path: &std::path::Path,
    broken: Vec<sockeye::client::http::BrokenLine>,
) {
    for line in broken {
        output.warn(format!(
            "{}, line {}: {}; it is left out",
            path.display(),
            line.line,
            line.why
        ));
    }
}

fn home() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    home.map(PathBuf::from).ok_or_else(|| {
        Error::new(
            Kind::Usage,
            Operation::Open,
            "HOME is not set, so nobody knows where your files are",
        )
    })
}

/// Where a session is kept: a path if there is a slash in it, else a name.
fn session_path(name: &str) -> Result<PathBuf> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if name.is_empty()
        || name.starts_with(['.', '-'])
        || name.len() > 100
        || !name.chars().all(is_plain)
    {
        let why = format!("{name:?} is no name of a session");
        return Err(Error::new(Kind::Usage, Operation::Parse, why)
            .with_hint("a name has letters, digits, - _ and . ; a file has a slash: ./work.json"));
    }
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = match config.filter(|config| config.is_absolute()) {
        Some(config) => config,
        None => home()?.join(".config"),
    };
    Ok(config.join("sockeye/sessions").join(format!("{name}.json")))
}
