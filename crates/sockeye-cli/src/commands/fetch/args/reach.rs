//! How servers are reached: proxies, other places for names, our own end, and TLS.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sockeye::client::Proxies;
use sockeye::client::http::Builder;
use sockeye::endpoint::{
    HostPort, Options, ParseError, Pin, Proxy, TlsOptions, TlsVersion, Verify,
};
use sockeye::net::{Detour, Known};
use sockeye::{Endpoint, Error, Net, Result};

use crate::args::TalkingArgs;
use crate::output::Output;

/// How servers are reached.
#[derive(Clone, Debug, Args)]
pub(in crate::commands::fetch) struct ReachArgs {
    /// Go through this proxy, whatever the environment says; an empty one is none
    #[arg(short = 'x', long, value_name = "PROXY", value_parser = proxy, help_heading = "Getting there",
        conflicts_with_all = ["via", "unix_socket"])]
    proxy: Option<Chosen>,
    /// Who we are to --proxy; other programs of this machine may see it, http://USER:PASSWORD@... in the environment less so
    #[arg(
        short = 'U',
        long,
        value_name = "USER:PASSWORD",
        requires = "proxy",
        help_heading = "Getting there"
    )]
    proxy_user: Option<String>,
    /// Reach these hosts without a proxy: names, addresses, networks, also with a port; * is all [default: $NO_PROXY]
    #[arg(long, value_name = "LIST", help_heading = "Getting there")]
    noproxy: Option<String>,
    /// PEM file of the roots that an https proxy's certificate must lead to
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    proxy_ca: Option<PathBuf>,
    /// Believe an https proxy whatever certificate it shows
    #[arg(long, conflicts_with = "proxy_ca", help_heading = "TLS")]
    proxy_insecure: bool,
    /// Accept this certificate of an https proxy alone: sha256:HEX; may be repeated
    #[arg(long, value_name = "PIN", value_parser = pin, conflicts_with_all = ["proxy_ca", "proxy_insecure"],
        help_heading = "TLS")]
    proxy_pin: Vec<Pin>,
    /// Let a name at a port mean these addresses: HOST:PORT:ADDRESS[,ADDRESS...]
    #[arg(long, value_name = "HOST:PORT:ADDRESS", value_parser = known, help_heading = "Getting there")]
    resolve: Vec<Known>,
    /// Connect to HOST2:PORT2 where HOST1:PORT1 is asked for; an empty part is every one, or the same
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", value_parser = detour, help_heading = "Getting there")]
    connect_to: Vec<Detour>,
    /// Connect to this Unix socket wherever the URL leads
    #[arg(
        long,
        value_name = "PATH",
        conflicts_with = "via",
        help_heading = "Getting there"
    )]
    pub(in crate::commands::fetch) unix_socket: Option<PathBuf>,
    /// Use this network interface
    #[arg(long, value_name = "NAME", help_heading = "Getting there")]
    interface: Option<String>,
    /// Connect from this local address: ADDRESS, ADDRESS:PORT or :PORT
    #[arg(long, value_name = "ADDRESS", value_parser = local, help_heading = "Getting there")]
    bind: Option<HostPort>,
    /// PEM file of trusted roots, instead of the system's
    #[arg(long, alias = "cacert", value_name = "FILE", help_heading = "TLS")]
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
    /// The lowest version of TLS to speak
    #[arg(long, value_name = "1.2|1.3", value_parser = version, help_heading = "TLS")]
    tls_min: Option<TlsVersion>,
    /// The highest version of TLS to speak
    #[arg(long, value_name = "1.2|1.3", value_parser = version, help_heading = "TLS")]
    tls_max: Option<TlsVersion>,
}

/// What `--proxy` says; `None` is none at all.
#[derive(Clone, Debug)]
struct Chosen(Option<Proxy>);

impl ReachArgs {
    /// How we talk, with what these flags add.
    pub(in crate::commands::fetch) fn net(&self, mut net: Net, output: &Output) -> Net {
        for known in &self.resolve {
            net = net.known(known.clone());
        }
        for detour in &self.connect_to {
            net = net.detour(detour.clone());
        }
        if self.insecure {
            output.warn(
                "--insecure: whoever answers is believed, encryption protects from listeners only",
            );
        }
        if self.proxy_insecure {
            output.warn("--proxy-insecure: whoever answers is believed to be the proxy");
        }
        let mut tls = TlsOptions::default();
        tls.ca.clone_from(&self.proxy_ca);
        tls.pin.clone_from(&self.proxy_pin);
        if self.proxy_insecure {
            tls.verify = Verify::None;
        }
        net.proxy_tls(tls)
    }

    /// Apply it to the client.
    pub(in crate::commands::fetch) fn apply(
        &self,
        builder: Builder,
        talking: &TalkingArgs,
    ) -> Result<Builder> {
        let mut builder = builder
            .endpoint_options(self.options(talking))
            .tls(self.tls())
            .proxies(self.proxies()?);
        if let Some(path) = &self.unix_socket {
            builder = builder.connect_to(Endpoint::unix(path));
        }
        Ok(builder)
    }

    /// How a connection is opened.
    pub(in crate::commands::fetch) fn options(&self, talking: &TalkingArgs) -> Options {
        let mut options = Options::default();
        options.family = talking.family();
        options.via.clone_from(&talking.via);
        options.interface.clone_from(&self.interface);
        options.bind.clone_from(&self.bind);
        options
    }

    /// How TLS is spoken with servers.
    pub(in crate::commands::fetch) fn tls(&self) -> TlsOptions {
        let mut tls = TlsOptions::default();
        tls.ca.clone_from(&self.ca);
        tls.cert.clone_from(&self.cert);
        tls.key.clone_from(&self.key);
        tls.pin.clone_from(&self.pin);
        tls.min = self.tls_min;
        tls.max = self.tls_max;
        if self.insecure {
            tls.verify = Verify::None;
        }
        tls
    }

    /// The flags that make curl get there the same way; what curl has no flag for is left out, and passwords are masked.
    pub(in crate::commands::fetch) fn for_curl(&self, talking: &TalkingArgs) -> Vec<String> {
        let mut flags = Vec::new();
        let mut add = |flag: &str, value: Option<String>| {
            if let Some(value) = value {
                flags.extend([flag.to_owned(), value]);
            }
        };
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let seconds = |time: Duration| time.as_secs_f64().to_string();
        let proxy = self.proxy.as_ref().map(|chosen| {
            let proxy = chosen.0.as_ref();
            proxy.map_or_else(String::new, ToString::to_string)
        });
        add("--proxy", proxy);
        add("--noproxy", self.noproxy.clone());
        if let [proxy] = &talking.via[..] {
            add("--proxy", Some(proxy.to_string()));
        }
        for known in &self.resolve {
            add("--resolve", Some(known.to_string()));
        }
        for detour in &self.connect_to {
            add("--connect-to", Some(detour.to_string()));
        }
        add("--unix-socket", path(&self.unix_socket));
        add("--interface", self.interface.clone());
        add("--cacert", path(&self.ca));
        add("--cert", path(&self.cert));
        add("--key", path(&self.key));
        add("--connect-timeout", talking.connect_timeout.map(seconds));
        add("--max-time", talking.timeout.map(seconds));
        let switches = [
            (self.insecure, "--insecure"),
            (talking.ipv4, "--ipv4"),
            (talking.ipv6, "--ipv6"),
            (self.tls_min == Some(TlsVersion::V1_3), "--tlsv1.3"),
        ];
        let set = switches.into_iter().filter(|(is_set, _)| *is_set);
        flags.extend(set.map(|(_, flag)| flag.to_owned()));
        flags
    }

    /// Which proxy a URL goes through.
    pub(in crate::commands::fetch) fn proxies(&self) -> Result<Proxies> {
        let proxies = match &self.proxy {
            None => Proxies::from_environment()?,
            Some(Chosen(None)) => Proxies::none(),
            Some(Chosen(Some(proxy))) => {
                let mut proxy = proxy.clone();
                if let Some(user) = &self.proxy_user {
                    let (user, password) = match user.split_once(':') {
                        Some((user, password)) => (user, Some(password.to_owned())),
                        None => (user.as_str(), None),
                    };
                    proxy = proxy.with_user(user, password);
                }
                let variable = |name| std::env::var(name).ok();
                let except = variable("no_proxy").or_else(|| variable("NO_PROXY"));
                Proxies::all(proxy).except(&except.unwrap_or_default())
            }
        };
        Ok(match &self.noproxy {
            Some(list) => proxies.except(list),
            None => proxies,
        })
    }
}

/// Hints of the library name options of endpoints; here they are flags.
const FLAGS: &[(&str, &str)] = &[
    ("pin=sha256:", "--pin sha256:"),
    ("`ca=FILE`", "`--ca FILE`"),
    ("`cert=FILE`", "`--cert FILE`"),
    ("`key=FILE`", "`--key FILE`"),
    ("`sni=NAME`", "`--connect-to`"),
    (
        "`tls-min`, `tls-max` and `sni`",
        "`--tls-min` and `--tls-max`",
    ),
    ("`tls-min` and `tls-max`", "`--tls-min` and `--tls-max`"),
    ("`via=`", "`--proxy`"),
    ("`--retry 10` waits", "`--retry 10 --retry-refused` waits"),
    (
        "`alpn=` lists those that we offer",
        "without `--http2` and `--http1.1` the version is agreed on",
    ),
];

/// The same error, whose hint names our flags.
pub(in crate::commands::fetch) fn in_flags(error: Error) -> Error {
    let Some(mut hint) = error.hint() else {
        return error;
    };
    for (option, flag) in FLAGS {
        hint = hint.replace(option, flag);
    }
    error.with_hint(hint)
}

fn proxy(text: &str) -> Result<Chosen, ParseError> {
    match text {
        "" => Ok(Chosen(None)),
        text => text.parse().map(|proxy| Chosen(Some(proxy))),
    }
}

fn known(text: &str) -> Result<Known> {
    text.parse()
}

fn detour(text: &str) -> Result<Detour> {
    text.parse()
}

fn local(text: &str) -> Result<HostPort, ParseError> {
    HostPort::parse_local(text)
}

fn pin(text: &str) -> Result<Pin, ParseError> {
    text.parse()
}

fn version(text: &str) -> Result<TlsVersion, String> {
    match text {
        "1.2" => Ok(TlsVersion::V1_2),
        "1.3" => Ok(TlsVersion::V1_3),
        _ => Err(format!("{text:?} is neither 1.2 nor 1.3")),
    }
}
