//! How a session begins: a connection, what is encrypted, who we are.

use sockeye_data::ftp::Class;
use sockeye_data::url::{Scheme, Url};

use super::control::Control;
use super::path;
use super::session::{Ftp, TransferType};
use super::settings::{Login, Security, Settings};
use crate::endpoint::{Carrier, Endpoint, HostPort};
use crate::error::{Error, Kind, Operation, Result};
use crate::net::Net;

impl Ftp {
    /// Connect to the server of a URL and log in. User and password of the URL go before those of the settings, and `ftps`
    /// means [`Security::Implicit`]. The path of the URL is not looked at, see [`UrlPath`](super::UrlPath).
    ///
    /// # Errors
    ///
    /// Those of [`Net::connect`]; [`Kind::Rejected`] if the server does not let us in; [`Kind::Tls`] if it was to be encrypted
    /// and cannot be; [`Kind::Protocol`] if it is no server of FTP; [`Kind::Usage`] for a URL of another scheme.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn open(net: &Net, url: &Url, settings: Settings) -> Result<Self> {
        let mut settings = settings;
        match url.scheme() {
            Scheme::Ftp => {}
            Scheme::Ftps => {
                let tls = settings.security.tls().cloned().unwrap_or_default();
                settings.security = Security::Implicit(tls);
            }
            other => {
                let why = format!("`{}` is not spoken by a client of FTP", other.as_str());
                return Err(Error::new(Kind::Usage, Operation::Fetch, why).about(url));
            }
        }
        if let Some(user) = url.user() {
            settings.login = match url.password() {
                Some(password) => Login::new(user, password),
                // A user alone: the password may be known from elsewhere, for this very user.
                None if settings.login.user == user => settings.login,
                None => Login::user(user),
            };
        }
        let to = path::endpoint(url, &settings.options)?;
        let subject = format!("{}://{}", url.scheme().as_str(), url.authority());
        Self::enter(net, &to, settings, subject).await
    }

    /// The same, for a server that is given as an endpoint: `ftp.example.org:21`, `tls://ftp.example.org:990`. A layer of TLS
    /// means [`Security::Implicit`], with its options.
    ///
    /// # Errors
    ///
    /// As with [`Ftp::open`]; [`Kind::Usage`] if the endpoint is not carried by TCP.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn connect(net: &Net, to: &Endpoint, settings: Settings) -> Result<Self> {
        let mut settings = settings;
        if let Some(tls) = to.tls() {
            settings.security = Security::Implicit(tls.clone());
        }
        let bare = Endpoint::new(to.carrier().clone()).with_options(to.options().clone());
        Self::enter(net, &bare, settings, to.to_string()).await
    }

    async fn enter(net: &Net, to: &Endpoint, settings: Settings, subject: String) -> Result<Self> {
        let Carrier::Tcp(HostPort { host, .. }) = to.carrier() else {
            let why = "files of FTP travel on connections of their own, which only TCP has";
            return Err(Error::new(Kind::Usage, Operation::Fetch, why).about(to));
        };
        // What is wrong with the options shows before anybody is asked.
        let mut tls = match settings.security.tls() {
            Some(options) => Some(net.tls_client(options)?),
            None => None,
        };
        let mut stream = net.connect(to).await?;
        if let (Security::Implicit(_), Some(tls)) = (&settings.security, &mut tls) {
            let secured = tls.secure(stream, Some(host)).await;
            stream = secured.map_err(|error| error.about(&subject))?;
        }
        let mut control = Control::new(stream, &settings, subject);
        control.expect_greeting();
        let welcome = control.receive().await?;
        let mut ftp = Self {
            net: net.clone(),
            control,
            settings,
            host: host.clone(),
            options: to.options().clone(),
            tls,
            is_epsv_refused: false,
            welcome,
            features: None,
            current: None,
            wanted: TransferType::default(),
            is_mlsd_refused: false,
            is_utf8_asked: false,
        };
        if ftp.welcome.class() != Class::Done {
            let why = format!("the server lets nobody in: {}", ftp.welcome);
            let code = ftp.welcome.code();
            return Err(ftp.control.error(Kind::Rejected, why).with_status(code));
        }
        if matches!(ftp.settings.security, Security::Explicit(_)) {
            ftp.encrypt().await?;
        }
        ftp.log_in().await?;
        if ftp.tls.is_some() {
            ftp.protect().await?;
        }
        Ok(ftp)
    }

    /// `AUTH TLS`, before anything else is said (RFC 4217 section 4).
    async fn encrypt(&mut self) -> Result<()> {
        let command = self.command("AUTH", Some(b"TLS"))?;
        let reply = self.control.ask(&command).await?;
        // 234 only: a server that answers with something else has not agreed, whatever it means by it.
        if reply.code() != 234 {
            let why = format!("the server does not begin TLS: it answered AUTH TLS with {reply}");
            return Err(self
                .control
                .error(Kind::Tls, why)
                .with_status(reply.code())
                .with_hint("without TLS everything goes in clear text, the password too"));
        }
        let stream = self.control.take_for_tls()?;
        if let Some(tls) = &mut self.tls {
            let secured = tls.secure(stream, Some(&self.host)).await;
            let stream = secured.map_err(|error| error.about(self.control.subject()))?;
            self.control.go_on(stream);
        }
        Ok(())
    }

    async fn log_in(&mut self) -> Result<()> {
        let login = self.settings.login.clone();
        let mut command = self.command("USER", Some(&login.user))?;
        let mut reply = self.control.ask(&command).await?;
        if reply.code() == 331 {
            command = self.command("PASS", Some(login.password.as_deref().unwrap_or_default()))?;
            reply = self.control.ask(&command).await?;
        }
        if let (332, Some(account)) = (reply.code(), &login.account) {
            command = self.command("ACCT", Some(account))?;
            reply = self.control.ask(&command).await?;
        }
        match reply.class() {
            Class::Done => Ok(()),
            _ => Err(self.rejected(&command, &reply, b"")),
        }
    }

    /// Files are to be encrypted too, or not (RFC 4217 section 9).
    async fn protect(&mut self) -> Result<()> {
        let level: &[u8] = if self.settings.clear_data { b"C" } else { b"P" };
        self.done("PBSZ", Some(b"0")).await?;
        let command = self.command("PROT", Some(level))?;
        let reply = self.control.ask(&command).await?;
        if reply.class() != Class::Done {
            let why = format!("the server does not encrypt files: it answered PROT with {reply}");
            return Err(self.control.error(Kind::Tls, why).with_status(reply.code()));
        }
        Ok(())
    }
}
