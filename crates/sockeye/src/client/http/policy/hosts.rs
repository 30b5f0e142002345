//! Hosts by name.

use sockeye_data::url::Url;

use crate::error::{Error, Kind, Operation, Result};

/// One host, or those below it, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostRule {
    /// As [`canonical`] gives it.
    name: String,
    itself: bool,
    below: bool,
}

impl HostRule {
    /// Read `example.org`, `*.example.org` or `.example.org`.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if it is none of these.
    pub(super) fn parse(rule: &str) -> Result<Self> {
        let (name, itself, below) = match (rule.strip_prefix("*."), rule.strip_prefix('.')) {
            (Some(name), _) => (name, false, true),
            (None, Some(name)) => (name, true, true),
            (None, None) => (rule, true, false),
        };
        let unusable = || {
            let why = format!("{rule:?} is not a host");
            Error::new(Kind::Usage, Operation::Parse, why)
                .with_hint("hosts are written as example.org, *.example.org or .example.org")
        };
        let name = match name.contains(':') && !name.starts_with('[') {
            true => format!("[{name}]"),
            false => name.to_owned(),
        };
        let is_bare = !name.is_empty() && !name.contains(['/', '?', '#', '@', '*']);
        if !is_bare {
            return Err(unusable());
        }
        // Hosts are read as those of URLs are, so that both are spelled alike.
        let url = Url::parse(&format!("http://{name}/")).map_err(|_| unusable())?;
        if url.port().is_some() || url.host().is_empty() {
            return Err(unusable());
        }
        Ok(Self {
            name: canonical(url.host()).to_owned(),
            itself,
            below,
        })
    }

    /// Whether this host, which is canonical, is meant.
    pub(super) fn matches(&self, host: &str) -> bool {
        if host == self.name {
            return self.itself;
        }
        let below = host
            .strip_suffix(&*self.name)
            .is_some_and(|before| before.ends_with('.'));
        self.below && below
    }
}

/// A host of a URL without the dot at its end, which means the same host.
pub(super) fn canonical(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}
