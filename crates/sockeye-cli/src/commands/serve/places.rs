//! Where to listen, how TLS is spoken there, and what is said of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args as ClapArgs, ValueEnum};
use sockeye::endpoint::{Carrier, Layer, TlsOptions};
use sockeye::net::{Listener, TlsServing};
use sockeye::web::{Server, Shared};
use sockeye::{Endpoint, Error, Kind, Net, Operation, Result};

use super::reload::say_kept;
use super::{Args, https};
use crate::args;
use crate::output::{Level, Output};
use crate::report::Serving;

/// Where to listen.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Where")]
pub(super) struct PlaceArgs {
    /// Listen on this port of this machine only; 0 lets the system choose
    #[arg(
        short,
        long,
        value_name = "PORT",
        default_value_t = 8000,
        conflicts_with = "listen"
    )]
    port: u16,
    /// Listen there instead: PORT, :PORT (everyone), tls://..., unix:/path, fd:3 ...; may be repeated
    #[arg(short, long, value_name = "ENDPOINT", value_parser = args::endpoint)]
    listen: Vec<Endpoint>,
    /// Speak TLS, with a certificate made for the names of this machine, which a local authority vouches for
    #[arg(long)]
    tls: bool,
    /// Speak TLS with this certificate: PEM, our own first, then its issuers; read again when it changes
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key of --cert, if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A further name or address that the made certificate is for; may be repeated
    #[arg(long, value_name = "NAME", conflicts_with = "cert")]
    tls_name: Vec<String>,
    /// Ask clients for certificates that lead to these roots (PEM)
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Whether a client must show a certificate
    #[arg(
        long,
        value_name = "HOW",
        value_enum,
        default_value = "required",
        requires = "client_ca"
    )]
    client_cert: ClientCert,
    /// Tell browsers to come over TLS only, for so long [default if given: a year]
    #[arg(long, value_name = "TIME", value_parser = args::duration, num_args = 0..=1, require_equals = true,
        default_missing_value = "8760h")]
    hsts: Option<Duration>,
    /// Listen there too, without TLS, and send everyone to https
    #[arg(long, value_name = "ENDPOINT", value_parser = args::endpoint)]
    redirect_http: Option<Endpoint>,
}

/// Whether a client must show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClientCert {
    /// Who shows none is not let in
    Required,
    /// Who shows none is let in as nobody
    Optional,
}

impl PlaceArgs {
    /// The names that a certificate is made for, beside those of the machine.
    pub(super) fn tls_names(&self) -> &[String] {
        &self.tls_name
    }

    /// Whether others than this machine are spoken to without TLS.
    pub(super) fn is_plain_for_others(&self) -> Result<bool> {
        let is_open = |it: &Endpoint| it.carrier().is_for_everyone() && it.tls().is_none();
        Ok(self.endpoints()?.iter().any(is_open))
    }

    fn endpoints(&self) -> Result<Vec<Endpoint>> {
        let mut endpoints = match self.listen.is_empty() {
            true => vec![self.port.to_string().parse()?],
            false => self.listen.clone(),
        };
        let mut secure = false;
        for endpoint in &mut endpoints {
            if (self.tls || self.cert.is_some()) && !is_tls(endpoint) {
                *endpoint = endpoint
                    .clone()
                    .with_layer(Layer::Tls(TlsOptions::default()));
            }
            if let Some(options) = endpoint.tls_mut() {
                secure = true;
                self.complete(options);
            }
        }
        let flags = [
            (!self.tls_name.is_empty(), "--tls-name"),
            (self.client_ca.is_some(), "--client-ca"),
            (self.hsts.is_some(), "--hsts"),
            (self.redirect_http.is_some(), "--redirect-http"),
        ];
        if !secure && let Some((_, flag)) = flags.into_iter().find(|(given, _)| *given) {
            let why = format!("{flag} has no effect: nothing listens with TLS");
            return Err(Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("add --tls, or --cert FILE"));
        }
        Ok(endpoints)
    }

    /// What the endpoint leaves open, the flags say.
    fn complete(&self, options: &mut TlsOptions) {
        if options.cert.is_none() && options.key.is_none() {
            options.cert.clone_from(&self.cert);
            options.key.clone_from(&self.key);
        }
        if options.ca.is_none() && options.pin.is_empty() {
            options.ca.clone_from(&self.client_ca);
        }
        if options.alpn.is_empty() {
            options.alpn = vec!["h2".into(), "http/1.1".into()];
        }
    }

    /// How TLS is spoken, beyond what endpoints say.
    fn serving(&self, output: &Output) -> TlsServing {
        let mut serving = TlsServing::new();
        serving.authority = data_folder().map(|folder| folder.join("sockeye/authority"));
        serving.names.clone_from(&self.tls_name);
        serving.clients_may_be_unknown = self.client_cert == ClientCert::Optional;
        serving.tickets = true;
        serving.reload = true;
        serving.plain = Some(https::PLAIN);
        let output = output.clone();
        serving.told = Some(Arc::new(move |outcome| match outcome {
            Ok(()) => output.say(Level::Normal, "read again: certificates"),
            Err(error) => say_kept("certificates", error, &output),
        }));
        serving
    }
}

fn is_tls(endpoint: &Endpoint) -> bool {
    endpoint.tls().is_some()
}

/// Where this user's programs keep data (XDG Base Directory Specification).
fn data_folder() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let absolute = given.filter(|folder| folder.is_absolute());
    absolute.or_else(|| Some(std::env::home_dir()?.join(".local/share")))
}

/// The site so far, with this around it.
pub(super) fn wrap(args: &Args, site: Shared) -> Shared {
    match args.places.hsts {
        Some(age) => https::hsts(site, age),
        None => site,
    }
}

/// Listen everywhere that was asked for, and say so.
pub(super) async fn listen(args: &Args, net: &Net, output: &Output) -> Result<Vec<Listener>> {
    let net = net.clone().tls_serving(args.places.serving(output));
    let mut listeners = Vec::new();
    for endpoint in args.places.endpoints()? {
        let at = args.talking.refine(endpoint);
        super::super::say_what_is_weak(&at, output);
        listeners.push(net.listen(&at).await?);
    }
    for listener in &listeners {
        output.data(&Serving::at(listener));
        say_everyone(listener, output);
    }
    let acceptors = listeners.iter().flat_map(Listener::acceptors);
    for acceptor in acceptors.clone() {
        let acceptor = acceptor.clone();
        args.reload.add("certificates", move || acceptor.reload());
    }
    if let Some(authority) = acceptors
        .clone()
        .find_map(sockeye::net::Acceptor::authority)
    {
        let file = authority.display();
        output.say(
            Level::Normal,
            format_args!(
                "a local authority vouches for the certificate; whoever trusts {file} trusts it: curl --cacert, sockeye fetch --ca"
            ),
        );
    } else if let Some(own) = acceptors.clone().find(|acceptor| acceptor.is_self_made()) {
        let pin = own.fingerprint();
        output.say(
            Level::Normal,
            format_args!("certificate made on the fly, pin=sha256:{pin}"),
        );
    }
    Ok(listeners)
}

/// With `--redirect-http`: who sends plain clients to the first of these that speaks TLS, and where.
pub(super) async fn redirect(
    args: &Args,
    net: &Net,
    secure: &[Listener],
    output: &Output,
) -> Result<Option<(Server, Listener)>> {
    let Some(asked) = &args.places.redirect_http else {
        return Ok(None);
    };
    if is_tls(asked) {
        let why = "--redirect-http listens without TLS";
        return Err(Error::new(Kind::Usage, Operation::Parse, why).with_hint("leave out tls"));
    }
    let Some(to) = secure.iter().find(|listener| is_tls(listener.local())) else {
        return Ok(None);
    };
    let listener = net.listen(&args.talking.refine(asked.clone())).await?;
    output.data(&Serving::at(&listener));
    say_everyone(&listener, output);
    let server = Server::new(https::Redirect::to(to.local()))
        .bounds(args.engine.bounds(&args.serving))
        .limits(args.engine.limits(&args.serving)?);
    Ok(Some((server, listener)))
}

fn say_everyone(listener: &Listener, output: &Output) {
    let for_everyone = |address: &Endpoint| address.carrier().is_for_everyone();
    if listener.addresses().iter().any(for_everyone) {
        output.warn("everyone who reaches this machine can connect");
    }
}

/// The URL of a place to listen, if it has one that others can use.
pub(crate) fn url(endpoint: &Endpoint) -> Option<String> {
    let Carrier::Tcp(place) = endpoint.carrier() else {
        return None;
    };
    let scheme = match endpoint.layers().is_empty() {
        true => "http",
        false => "https",
    };
    Some(format!("{scheme}://{place}/"))
}
