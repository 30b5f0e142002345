//! Flags of every command that talks to a broker: who we are there, and whom we trust.

use std::path::PathBuf;

use clap::Args;
use sockeye::work::nats::Access;
use sockeye::{Error, Kind, Operation, Result};

use crate::commands::fetch::secret;

const HEADING: &str = "Broker";

/// Who we are to a broker, and whom we trust.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct BrokerArgs {
    /// Who we are to the broker: USER:PASSWORD, @FILE or env:NAME with such; nats://USER:PASSWORD@HOST is another way
    #[arg(long = "broker-user", value_name = "USER:PASSWORD", conflicts_with_all = ["broker_token", "broker_nkey", "broker_creds"],
        help_heading = HEADING)]
    broker_user: Option<String>,
    /// A token for the broker: the token, @FILE or env:NAME
    #[arg(long = "broker-token", value_name = "TOKEN", conflicts_with_all = ["broker_nkey", "broker_creds"], help_heading = HEADING)]
    broker_token: Option<String>,
    /// A file with the seed of our nkey
    #[arg(long = "nkey", value_name = "FILE", conflicts_with = "broker_creds", help_heading = HEADING)]
    broker_nkey: Option<PathBuf>,
    /// A file of credentials: JWT and seed
    #[arg(long = "creds", value_name = "FILE", help_heading = HEADING)]
    broker_creds: Option<PathBuf>,
    /// PEM file of roots to trust for the broker, instead of the system's
    #[arg(long = "broker-ca", value_name = "FILE", help_heading = HEADING)]
    broker_ca: Option<PathBuf>,
    /// PEM file with our certificate for the broker
    #[arg(long = "broker-cert", value_name = "FILE", requires = "broker_key", help_heading = HEADING)]
    broker_cert: Option<PathBuf>,
    /// PEM file with its key
    #[arg(long = "broker-key", value_name = "FILE", requires = "broker_cert", help_heading = HEADING)]
    broker_key: Option<PathBuf>,
    /// Let jobs, results and passwords cross the network in plain text
    #[arg(long = "insecure", help_heading = HEADING)]
    broker_insecure: bool,
}

impl BrokerArgs {
    /// The way to these servers, as flags say it.
    ///
    /// # Errors
    ///
    /// `Usage` for a server that is none, or one elsewhere that would be spoken to in plain text; those of reading secrets.
    pub(crate) fn access(&self, servers: &str) -> Result<Access> {
        let mut access = Access::new(servers);
        access.insecure = self.broker_insecure;
        access.ca.clone_from(&self.broker_ca);
        access.certificate = self.broker_cert.clone().zip(self.broker_key.clone());
        access.nkey.clone_from(&self.broker_nkey);
        access.creds.clone_from(&self.broker_creds);
        if let Some(word) = &self.broker_token {
            access.token = Some(secret(word, "--broker-token")?);
        }
        if let Some(word) = &self.broker_user {
            let pair = secret(word, "--broker-user")?;
            let (user, password) = pair.split_once(':').ok_or_else(|| {
                let why = "--broker-user: it is written USER:PASSWORD";
                Error::new(Kind::Usage, Operation::Parse, why)
            })?;
            access.user = Some((user.to_owned(), password.to_owned()));
        }
        access.check()?;
        Ok(access)
    }
}
