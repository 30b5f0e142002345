//! How a server of calls is reached over HTTP: header lines, who we are, TLS.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use data_encoding::BASE64;
use sockeye::client::http::{Client, Credential, Credentials, Limits, Redirects};
use sockeye::data::http1::Headers;
use sockeye::data::url::{Scheme, Url};
use sockeye::endpoint::{Layer, Options, ParseError, Pin, TlsOptions, Verify};
use sockeye::{Endpoint, Error, Kind, Net, Operation, Result};

use super::caller::PATIENCE;
use super::target::Place;
use crate::args::{self, TalkingArgs};
use crate::commands::fetch::secret;
use crate::output::Output;

/// How a server is reached.
#[derive(Clone, Debug, Args)]
pub(super) struct ReachArgs {
    /// Send this header line: 'Name: value'; may be repeated
    #[arg(
        short = 'H',
        long = "header",
        value_name = "LINE",
        help_heading = "HTTP"
    )]
    headers: Vec<String>,
    /// Who we are: USER:PASSWORD, @FILE or env:NAME with such; without a password it is asked for
    #[arg(short, long, value_name = "USER[:PASSWORD]", help_heading = "HTTP")]
    user: Option<String>,
    /// A token: the token, @FILE or env:NAME
    #[arg(
        long,
        value_name = "TOKEN",
        conflicts_with = "user",
        help_heading = "HTTP"
    )]
    bearer: Option<String>,
    /// Connect to this Unix socket wherever the URL leads
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "via",
        help_heading = "HTTP"
    )]
    unix_socket: Option<PathBuf>,
    /// PEM file of trusted roots, instead of the system's
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    ca: Option<PathBuf>,
    /// PEM file with our certificate chain
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    cert: Option<PathBuf>,
    /// PEM file with our private key [default: the certificate's file]
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "TLS")]
    key: Option<PathBuf>,
    /// Accept this certificate alone, whoever signed it: sha256:HEX; may be repeated
    #[arg(long, value_name = "PIN", value_parser = pin, conflicts_with = "ca", help_heading = "TLS")]
    pin: Vec<Pin>,
    /// Believe whatever certificate is shown: encryption then protects from listeners only
    #[arg(short = 'k', long, conflicts_with_all = ["ca", "pin"], help_heading = "TLS")]
    insecure: bool,
    /// How long an answer may take [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = args::duration, help_heading = "Bounds")]
    pub(super) patience: Option<Duration>,
    /// At most this many bytes of an answer
    #[arg(long, value_name = "SIZE", value_parser = args::size, default_value = "64MiB", help_heading = "Bounds")]
    pub(super) max_answer: u64,
}

impl ReachArgs {
    /// Refuse what has no effect there.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`], naming the flag.
    pub(super) fn check(&self, place: &Place) -> Result<()> {
        if !matches!(place, Place::Lines(_)) {
            return Ok(());
        }
        let given = [
            (!self.headers.is_empty(), "--header"),
            (self.user.is_some(), "--user"),
            (self.bearer.is_some(), "--bearer"),
            (self.unix_socket.is_some(), "--unix-socket"),
            (self.ca.is_some(), "--ca"),
            (self.cert.is_some(), "--cert"),
            (!self.pin.is_empty(), "--pin"),
            (self.insecure, "--insecure"),
        ];
        match given.iter().find(|(is_given, _)| *is_given) {
            Some((_, flag)) => {
                let why = format!("{flag} is for http, https, ws and wss");
                let hint = "an endpoint has its own: tls://host:port?ca=FILE";
                Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint(hint))
            }
            None => Ok(()),
        }
    }

    /// How long an answer may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience.unwrap_or(PATIENCE)
    }

    /// The client that these flags describe, for a URL.
    pub(super) fn client(
        &self,
        url: &Url,
        talking: &TalkingArgs,
        net: Net,
        output: &Output,
    ) -> Result<Client> {
        self.say_what_is_weak(output);
        let mut options = Options::default();
        options.family = talking.family();
        options.via.clone_from(&talking.via);
        let mut limits = Limits::default();
        limits.gathered = self.max_answer;
        limits.body = Some(self.max_answer);
        // Who waits says how long, not the connection.
        limits.idle = limits.idle.max(self.patience() + Duration::from_secs(1));
        let mut builder = Client::builder()
            .net(net)
            .endpoint_options(options)
            .tls(self.tls())
            .redirects(Redirects::none())
            .limits(limits);
        for field in self.headers()?.iter() {
            let value = String::from_utf8_lossy(field.value);
            builder = builder.header(field.name, &value)?;
        }
        if let (Some(credential), Some(origin)) = (self.credential(output)?, url.origin()) {
            let credentials = Credentials::new();
            credentials.insert(origin, credential);
            builder = builder.credentials(credentials);
        }
        if let Some(path) = &self.unix_socket {
            builder = builder.connect_to(Endpoint::unix(path));
        }
        Ok(builder.build())
    }

    /// Where a WebSocket is opened.
    ///
    /// # Errors
    ///
    /// Those of an endpoint that cannot be.
    pub(super) fn endpoint(&self, url: &Url) -> Result<Endpoint> {
        let port = url.port_or_default().unwrap_or(80);
        let endpoint = match &self.unix_socket {
            Some(path) => Endpoint::unix(path),
            None => format!("tcp://{}:{port}", url.host()).parse()?,
        };
        if url.scheme() != Scheme::Https {
            return Ok(endpoint);
        }
        let mut tls = self.tls();
        tls.alpn = vec!["http/1.1".into()];
        // A path has no name that a certificate could be for.
        tls.sni = self.unix_socket.as_ref().map(|_| url.host().to_string());
        Ok(endpoint.with_layer(Layer::Tls(tls)))
    }

    /// The header lines of a WebSocket's handshake.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] for what is no header line.
    pub(super) fn lines(&self, output: &Output) -> Result<Headers> {
        self.say_what_is_weak(output);
        let mut headers = self.headers()?;
        let value = match self.credential(output)? {
            Some(Credential::Bearer(token)) => format!("Bearer {token}"),
            Some(Credential::Basic { user, password }) => {
                let pair = BASE64.encode(format!("{user}:{password}").as_bytes());
                format!("Basic {pair}")
            }
            _ => return Ok(headers),
        };
        headers.append("Authorization", value).map_err(no_line)?;
        Ok(headers)
    }

    fn headers(&self) -> Result<Headers> {
        let mut headers = Headers::new();
        for line in &self.headers {
            headers.append_line(line).map_err(no_line)?;
        }
        Ok(headers)
    }

    fn say_what_is_weak(&self, output: &Output) {
        if self.insecure {
            output.warn(
                "--insecure: whoever answers is believed, encryption protects from listeners only",
            );
        }
    }

    fn tls(&self) -> TlsOptions {
        let mut tls = TlsOptions::default();
        tls.ca.clone_from(&self.ca);
        tls.cert.clone_from(&self.cert);
        tls.key.clone_from(&self.key);
        tls.pin.clone_from(&self.pin);
        if self.insecure {
            tls.verify = Verify::None;
        }
        tls
    }

    fn credential(&self, output: &Output) -> Result<Option<Credential>> {
        if let Some(word) = &self.bearer {
            return Ok(Some(Credential::Bearer(secret(word, "--bearer")?)));
        }
        let Some(word) = &self.user else {
            return Ok(None);
        };
        let pair = secret(word, "--user")?;
        let (user, password) = match pair.split_once(':') {
            Some((user, password)) => (user.to_owned(), password.to_owned()),
            None => {
                let password =
                    crate::local::ask_secret(output, &format!("password of {pair:?}: "))?;
                (pair, password)
            }
        };
        Ok(Some(Credential::Basic { user, password }))
    }
}

fn no_line(error: impl std::fmt::Display) -> Error {
    Error::new(Kind::Usage, Operation::Parse, format!("--header: {error}"))
        .with_hint("a header line is 'Name: value'")
}

fn pin(text: &str) -> Result<Pin, ParseError> {
    text.parse()
}
