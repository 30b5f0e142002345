//! Which addresses may be connected to. It is asked after names were resolved, just before an address is tried.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::Net;
use crate::endpoint::Host;
use crate::error::{Error, Kind, Operation, Result};
use crate::wire::{Watch, What};

type Check = dyn Fn(IpAddr) -> Result<(), String> + Send + Sync;

/// The addresses that may be connected to; every one by default.
#[derive(Clone, Default)]
pub(crate) struct Guard {
    check: Option<Arc<Check>>,
    /// Whether a proxy may be given a name, whose addresses nobody can check here.
    names_at_proxies: bool,
}

impl Net {
    /// Connect only to addresses that this function allows; `Err` says why not, as a clause.
    ///
    /// It is asked for every address that is about to be tried, after names were resolved: those of the resolver, of
    /// [`Net::known`], and literal ones. An IPv6 address that stands for an IPv4 one (`::ffff:192.0.2.1`) is asked as
    /// that one. Whoever resolves to allowed and forbidden addresses is reached at the allowed ones; if there are
    /// none, connecting fails with [`Kind::Denied`]. It is not asked for name servers, nor where we listen.
    ///
    /// With a proxy (`via=`), it is asked for the proxy's address, and for targets that are literal addresses. A target
    /// whose name the proxy resolves cannot be checked, so it is refused, unless [`Net::names_at_proxies`] allows it.
    ///
    /// Set more than once, all functions have to allow an address.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::{Kind, Net};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> sockeye::Result<()> {
    /// let server = Net::new().listen(&"127.0.0.1:0".parse()?).await?;
    /// let net = Net::new().allow_addresses(|address| match address.is_loopback() {
    ///     true => Err("it is this machine".into()),
    ///     false => Ok(()),
    /// });
    /// let error = net.connect(server.local()).await.unwrap_err();
    /// assert_eq!(error.kind(), Kind::Denied);
    /// assert_eq!(error.why(), "127.0.0.1 is not allowed: it is this machine");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn allow_addresses(
        mut self,
        check: impl Fn(IpAddr) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.guard.check = Some(match self.guard.check.take() {
            None => Arc::new(check),
            Some(before) => Arc::new(move |address| before(address).and_then(|()| check(address))),
        });
        self
    }

    /// Whether proxies may resolve names though [`Net::allow_addresses`] cannot see what they find; no by default.
    /// Without a function there it has no effect.
    #[must_use]
    pub fn names_at_proxies(mut self, allowed: bool) -> Self {
        self.guard.names_at_proxies = allowed;
        self
    }
}

impl Net {
    /// Whether a proxy may be asked for this host, see [`Net::allow_addresses`].
    #[allow(dead_code, reason = "for clients of HTTP, and a build may have none")]
    pub(crate) fn check_at_proxy(&self, host: &Host) -> Result<()> {
        match host {
            Host::Ip { addr, .. } => self.guard.check(*addr),
            Host::Name(name) => self.guard.name_at_proxy(name),
            Host::Any | Host::Loopback => self.guard.name_at_proxy("localhost"),
        }
    }
}

impl Guard {
    /// Whether this address may be connected to.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`] with the address and the reason.
    pub(crate) fn check(&self, address: IpAddr) -> Result<()> {
        let address = address.to_canonical();
        match self.check.as_ref().map(|check| check(address)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(why)) => {
                let why = format!("{address} is not allowed: {why}");
                Err(Error::new(Kind::Denied, Operation::Connect, why)
                    .with_hint("a policy of this program decides which addresses are reached"))
            }
        }
    }

    /// The addresses that may be connected to; the others are told to the watch.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`] if none is left, with the first one's reason.
    pub(crate) fn allowed(
        &self,
        addresses: Vec<SocketAddr>,
        watch: Option<&Watch>,
        layer: &'static str,
    ) -> Result<Vec<SocketAddr>> {
        if self.check.is_none() {
            return Ok(addresses);
        }
        let mut refused = None;
        let mut allowed = Vec::with_capacity(addresses.len());
        for address in addresses {
            match self.check(address.ip()) {
                Ok(()) => allowed.push(address),
                Err(error) => {
                    if let Some(watch) = watch {
                        let error = &error;
                        watch.report(layer, What::AttemptFailed { address, error });
                    }
                    refused.get_or_insert(error);
                }
            }
        }
        match refused {
            Some(error) if allowed.is_empty() => Err(error),
            _ => Ok(allowed),
        }
    }

    /// Whether this name may be left to a proxy to resolve.
    ///
    /// # Errors
    ///
    /// [`Kind::Denied`] if addresses are guarded and names at proxies were not allowed.
    pub(crate) fn name_at_proxy(&self, name: &str) -> Result<()> {
        if self.check.is_none() || self.names_at_proxies {
            return Ok(());
        }
        let why = format!("the proxy would resolve {name:?}, so its addresses cannot be checked");
        Err(Error::new(Kind::Denied, Operation::Connect, why).with_hint(
            "a policy of this program decides which addresses are reached; `socks5:` resolves here",
        ))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("guarded", &self.check.is_some())
            .field("names_at_proxies", &self.names_at_proxies)
            .finish()
    }
}
