//! Who we are during one run, and what of it is kept afterwards.

use std::path::{Path, PathBuf};

use sockeye::client::http::{
    Builder, Client, ClientCredentials, CookieJar, Credential, Credentials, HstsStore, Request,
    Session,
};
use sockeye::{Error, Kind, Operation, Result};
use tokio::sync::OnceCell;

use crate::output::Output;

/// A longer file is no password and no token.
const LONGEST_SECRET: u64 = 64 << 10;

/// Who we are during one run.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) jar: Option<CookieJar>,
    pub(super) jar_file: Option<PathBuf>,
    pub(super) hsts: HstsStore,
    pub(super) hsts_file: Option<PathBuf>,
    pub(super) credentials: Credentials,
    pub(super) credential: Option<Credential>,
    /// Where a token is to be had, and the token once it is there.
    pub(super) grant: Option<ClientCredentials>,
    pub(super) token: OnceCell<Credential>,
    pub(super) cookies: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) session: Option<Session>,
    pub(super) keeps_session: bool,
}

impl Identity {
    /// Apply it to the client.
    pub(super) fn apply(&self, builder: Builder) -> Builder {
        let builder = builder
            .hsts(self.hsts.clone())
            .credentials(self.credentials.clone());
        match &self.jar {
            Some(jar) => builder.cookies(jar.clone()),
            None => builder,
        }
    }

    /// Get the token that requests need, if one is to be had first.
    pub(super) async fn get_token(&self, client: &Client) -> Result<()> {
        if let Some(grant) = &self.grant {
            self.token.get_or_try_init(|| grant.token(client)).await?;
        }
        Ok(())
    }

    /// Apply it to a request for a URL that was typed: what was typed beside it is for that origin.
    pub(super) fn request(&self, request: &mut Request) -> Result<()> {
        if let Some(session) = &self.session {
            session.remember(request.url(), self.credential.as_ref(), request.headers());
            session.apply(request)?;
        }
        if let Some(credential) = self.token.get().or(self.credential.as_ref()) {
            request.set_credential(credential.clone());
        }
        for (name, value) in &self.cookies {
            request.add_cookie(name, value)?;
        }
        Ok(())
    }

    /// Write what is to be kept. All of it is tried; the first failure is the one that is told.
    pub(super) fn save(&self, output: &Output) -> Result<()> {
        let mut result = Ok(());
        if let (Some(jar), Some(path)) = (&self.jar, &self.jar_file) {
            if path.as_os_str() == "-" {
                output.bytes(&jar.to_text());
            } else {
                result = result.and(jar.write_file(path));
            }
        }
        if let Some(path) = &self.hsts_file {
            result = result.and(self.hsts.write_file(path));
        }
        if let Some(session) = self.session.as_ref().filter(|_| self.keeps_session) {
            result = result.and(session.save());
        }
        result
    }
}

/// A secret as it is typed, or from `@FILE` or `env:NAME`, which no list of processes shows. A line end at the end goes.
pub(crate) fn secret(word: &str, flag: &str) -> Result<String> {
    let refuse = |why: String| Error::new(Kind::Usage, Operation::Parse, format!("{flag}: {why}"));
    let text = if let Some(path) = word.strip_prefix('@') {
        read(Path::new(path))?
    } else if let Some(name) = word.strip_prefix("env:") {
        std::env::var(name).map_err(|_| refuse(format!("the environment has no text {name:?}")))?
    } else {
        word.to_owned()
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.contains(char::is_control) {
        true => Err(refuse(
            "a line end or another control character in a secret".to_owned(),
        )),
        false => Ok(text.to_owned()),
    }
}

fn read(path: &Path) -> Result<String> {
    use std::io::Read as _;
    let fail = |error| Error::from_io(Operation::Open, error).about(path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(LONGEST_SECRET)
        .read_to_string(&mut text)
        .map_err(fail)?;
    Ok(text)
}
