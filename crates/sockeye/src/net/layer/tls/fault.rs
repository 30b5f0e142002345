//! What went wrong, in words: each fault of TLS and of certificates has its own reason and its own thing to try.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::Error as Tls;
use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, ExtendedKeyPurpose, PeerIncompatible};

use super::check::Seen;
use super::words::{ago, date, guess, names, shown, speaks_tls};
use crate::error::{Error, Kind, Operation};

/// Who we are in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

/// What the words of an error need to know of a connection.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) role: Role,
    /// Whom we wanted to reach.
    pub(super) name: Option<String>,
    pub(super) pinned: bool,
    /// Whether we have a certificate to show.
    pub(super) has_certificate: bool,
    /// The fingerprint of the certificate that a server shows.
    pub(super) own: Option<String>,
    pub(super) seen: Arc<Seen>,
}

/// A reason and a thing to try.
type Said = (String, Option<String>);

fn said(why: impl Into<String>, hint: impl Into<String>) -> Said {
    (why.into(), Some(hint.into()))
}

impl Facts {
    /// Whether it is us who ended the handshake, over something that the peer said in TLS.
    pub(super) fn is_refusal(&self, error: &io::Error) -> bool {
        let is_ours = |tls: &Tls| !matches!(tls, Tls::AlertReceived(_));
        tls_error(error).is_some_and(is_ours) && speaks_tls(&self.seen.head())
    }

    /// Why the handshake failed.
    pub(super) fn handshake(&self, error: io::Error) -> Error {
        let head = &self.seen.head();
        let tls = tls_error(&error);
        let may_be_plain = matches!(tls, Some(Tls::InvalidMessage(_)))
            || error.kind() == io::ErrorKind::UnexpectedEof;
        if may_be_plain && !speaks_tls(head) {
            return self.plain(head);
        }
        if tls.is_none() && error.kind() == io::ErrorKind::UnexpectedEof {
            return Error::new(
                Kind::Lost,
                Operation::Handshake,
                "the peer closed the connection during the TLS handshake",
            )
            .with_hint(match self.role {
                Role::Client => "is this port meant for TLS? `--wire` shows what was said; a plain one is tcp://",
                Role::Server => "the client gave up; `--wire` shows what was said",
            });
        }
        self.explain(Operation::Handshake, error)
    }

    /// The handshake took too long.
    pub(super) fn late(&self) -> Error {
        let head = &self.seen.head();
        if !speaks_tls(head) {
            return self.plain(head);
        }
        let why = if head.is_empty() {
            "the peer did not answer the TLS handshake in time"
        } else {
            "the TLS handshake did not finish in time"
        };
        let error = Error::new(Kind::TimedOut, Operation::Handshake, why);
        match self.role {
            Role::Client => error.with_hint("is this port meant for TLS? a plain one is tcp://"),
            Role::Server => error.with_hint("does the client speak TLS?"),
        }
    }

    /// What an I/O error of the TLS stream means; those of the carrier keep their meaning.
    pub(super) fn explain(&self, operation: Operation, error: io::Error) -> Error {
        let Some(tls) = tls_error(&error) else {
            return Error::from_io(operation, error);
        };
        let (why, hint) = self.words(tls);
        let made = Error::new(Kind::Tls, operation, why);
        match hint {
            Some(hint) => made.with_hint(hint),
            None => made,
        }
    }

    /// The same for `AsyncRead` and `AsyncWrite`.
    pub(super) fn explain_io(&self, operation: Operation, error: io::Error) -> io::Error {
        if tls_error(&error).is_some() {
            self.explain(operation, error).into()
        } else {
            error
        }
    }

    fn plain(&self, head: &[u8]) -> Error {
        let first = head.split(|&b| b == b'\r' || b == b'\n').next();
        let first = first.filter(|line| !line.is_empty()).unwrap_or(head);
        let why = format!(
            "the peer does not speak TLS (first bytes: \"{}\")",
            first.escape_ascii()
        );
        let what = guess(head);
        let hint = match (self.role, what) {
            (Role::Client, Some(what)) => {
                format!("this looks like {what}; try tcp:// instead of tls://")
            }
            (Role::Client, None) => "try tcp:// instead of tls://".to_owned(),
            (Role::Server, Some(what)) => {
                format!(
                    "the client speaks {what} without TLS; tcp:// instead of tls:// listens for it"
                )
            }
            (Role::Server, None) => "tcp:// instead of tls:// listens without TLS".to_owned(),
        };
        Error::new(Kind::Tls, Operation::Handshake, why).with_hint(hint)
    }

    fn words(&self, error: &Tls) -> Said {
        match error {
            Tls::InvalidCertificate(fault) => self.certificate(fault),
            Tls::AlertReceived(alert) => self.alert(*alert),
            Tls::NoCertificatesPresented => match self.role {
                Role::Client => ("the peer showed no certificate".to_owned(), None),
                Role::Server => said(
                    "the client showed no certificate, and one is demanded",
                    "the client needs `cert=FILE`; without `ca=` and `pin=` none is demanded",
                ),
            },
            Tls::PeerIncompatible(what) => incompatible(what),
            Tls::NoApplicationProtocol => said(
                "the peer offers no application protocol that we accept",
                "`alpn=` lists those that we accept",
            ),
            Tls::InvalidMessage(_) => said(
                "the peer broke the rules of TLS (a damaged message)",
                "something between here and there may change the bytes",
            ),
            Tls::DecryptError => said(
                "what the peer sent cannot be decrypted",
                "something between here and there may change the bytes",
            ),
            Tls::PeerSentOversizedRecord => (
                "the peer broke the rules of TLS (a record is too long)".to_owned(),
                None,
            ),
            other => (
                format!(
                    "the peer broke the rules of TLS ({})",
                    shown(&other.to_string())
                ),
                None,
            ),
        }
    }

    /// What is wrong with the peer's certificate.
    fn certificate(&self, fault: &CertificateError) -> Said {
        use CertificateError as E;
        match fault {
            E::ApplicationVerificationFailure if self.pinned => said(
                format!(
                    "the peer's certificate is not the pinned one: it has sha256:{}",
                    self.fingerprint()
                ),
                format!(
                    "if it was replaced on purpose: pin=sha256:{}",
                    self.fingerprint()
                ),
            ),
            E::NotValidForNameContext { presented, .. } => said(
                format!(
                    "the certificate is not for {} but for {}",
                    self.wanted(),
                    names(presented)
                ),
                "`sni=NAME` asks for another name; or is this the wrong machine?",
            ),
            E::NotValidForName => said(
                format!("the certificate is not for {}", self.wanted()),
                "`sni=NAME` asks for another name; or is this the wrong machine?",
            ),
            E::ExpiredContext { time, not_after } => said(
                format!(
                    "{} expired on {}, {} ago",
                    self.whose(),
                    date(not_after.as_secs()),
                    ago(seconds_between(not_after, time))
                ),
                self.renew(),
            ),
            E::Expired => said(format!("{} has expired", self.whose()), self.renew()),
            E::NotValidYetContext { time, not_before } => said(
                format!(
                    "{} is not valid before {}, {} from now",
                    self.whose(),
                    date(not_before.as_secs()),
                    ago(seconds_between(time, not_before))
                ),
                "is the clock of this machine right?",
            ),
            E::NotValidYet => said(
                format!("{} is not valid yet", self.whose()),
                "is the clock of this machine right?",
            ),
            E::UnknownIssuer => self.unknown_issuer(),
            E::Revoked => said(
                format!("{} was revoked by its issuer", self.whose()),
                "do not trust it; its owner has to get a new one",
            ),
            E::InvalidPurposeContext { required, .. } => {
                let what = match required {
                    ExtendedKeyPurpose::ServerAuth => "servers",
                    ExtendedKeyPurpose::ClientAuth => "clients",
                    ExtendedKeyPurpose::Other(_) => "this purpose",
                };
                said(
                    format!(
                        "{} is not meant for {what} (extended key usage)",
                        self.whose()
                    ),
                    self.trust_it(),
                )
            }
            E::InvalidPurpose => said(
                format!(
                    "{} is not meant for this purpose (extended key usage)",
                    self.whose()
                ),
                self.trust_it(),
            ),
            E::BadSignature => said(
                format!("{} bears a wrong signature", self.whose()),
                "it is damaged, forged, or another root has the same name",
            ),
            E::BadEncoding => said(
                format!("{} is damaged (bad encoding)", self.whose()),
                "its owner has to get a new one",
            ),
            E::UnhandledCriticalExtension => said(
                format!(
                    "{} has a critical extension that is not understood",
                    self.whose()
                ),
                self.trust_it(),
            ),
            E::UnsupportedSignatureAlgorithmContext { .. }
            | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => said(
                format!("{} is signed in a way that is not supported", self.whose()),
                "SHA-1 and RSA keys below 2048 bits are refused",
            ),
            E::Other(other) if other.0.to_string() == "CaUsedAsEndEntity" => said(
                format!(
                    "{} is one for signing others (CA:TRUE), sha256:{}",
                    self.whose(),
                    self.fingerprint()
                ),
                self.trust_it(),
            ),
            E::Other(other) => (
                format!(
                    "{} is refused ({})",
                    self.whose(),
                    shown(&other.0.to_string())
                ),
                None,
            ),
            other => (
                format!(
                    "{} is refused ({})",
                    self.whose(),
                    shown(&other.to_string())
                ),
                None,
            ),
        }
    }

    fn unknown_issuer(&self) -> Said {
        let leaf = self.seen.leaf.get();
        let fingerprint = self.fingerprint();
        let why = match leaf {
            Some(leaf) if leaf.self_signed => {
                format!("{} is self-signed (sha256:{fingerprint})", self.whose())
            }
            Some(leaf) if leaf.points_up && !self.seen.has_chain.load(Ordering::Relaxed) => {
                let issuer = leaf
                    .issuer
                    .as_deref()
                    .unwrap_or("an authority without a name");
                let why = format!(
                    "{} was signed by \"{}\", whose own certificate it did not send along (sha256:{fingerprint})",
                    self.whose(),
                    shown(issuer)
                );
                return said(
                    why,
                    "an intermediate certificate is missing on the server; `ca=FILE` with it helps until it is there",
                );
            }
            Some(leaf) => match &leaf.issuer {
                Some(issuer) => format!(
                    "{} was signed by \"{}\", which is not trusted (sha256:{fingerprint})",
                    self.whose(),
                    shown(issuer)
                ),
                None => format!(
                    "{} leads to no trusted root (sha256:{fingerprint})",
                    self.whose()
                ),
            },
            None => format!("{} leads to no trusted root", self.whose()),
        };
        said(why, self.trust_it())
    }

    /// How to believe this certificate nevertheless.
    fn trust_it(&self) -> String {
        match self.role {
            Role::Client => format!(
                "if you know it to be right: pin=sha256:{}, or `ca=FILE` with its root",
                self.fingerprint()
            ),
            Role::Server => format!(
                "`ca=FILE` names the roots of client certificates; pin=sha256:{} accepts this one",
                self.fingerprint()
            ),
        }
    }

    fn renew(&self) -> String {
        format!(
            "its owner has to renew it; pin=sha256:{} accepts it as it is",
            self.fingerprint()
        )
    }

    fn fingerprint(&self) -> String {
        self.seen.leaf.get().map_or_else(
            || "unknown".to_owned(),
            super::certificate::Leaf::fingerprint,
        )
    }

    fn whose(&self) -> &'static str {
        match self.role {
            Role::Client => "the certificate of the peer",
            Role::Server => "the client's certificate",
        }
    }

    fn wanted(&self) -> String {
        self.name.as_deref().map_or_else(|| "us".to_owned(), shown)
    }

    /// What the peer told us in an alert (RFC 8446 section 6.2).
    fn alert(&self, alert: AlertDescription) -> Said {
        use AlertDescription as A;
        let name = alert_name(alert);
        let why = |text: &str| format!("{text} (the peer sent the alert {name})");
        let asked = self.seen.asked.load(Ordering::Relaxed) && !self.has_certificate;
        match alert {
            A::CertificateRequired => said(
                why("the peer demands a client certificate"),
                "`cert=FILE` shows one, with its key in the same file or `key=FILE`",
            ),
            A::HandshakeFailure | A::BadCertificate | A::CertificateUnknown if asked => said(
                why("the peer asked for a client certificate and got none"),
                "`cert=FILE` shows one, with its key in the same file or `key=FILE`",
            ),
            A::UnknownCA
            | A::BadCertificate
            | A::CertificateUnknown
            | A::CertificateExpired
            | A::CertificateRevoked
            | A::UnsupportedCertificate => said(
                why("the peer does not accept our certificate"),
                match (&self.own, self.role) {
                    (Some(own), Role::Server) => {
                        format!("the client may use pin=sha256:{own}, or `ca=FILE` with our root")
                    }
                    _ => "`cert=FILE` has to hold one that leads to a root the peer trusts"
                        .to_owned(),
                },
            ),
            A::HandshakeFailure => said(
                why("the peer finds no common ground"),
                "cipher, curve, version or name may not suit it; `tls-min`, `tls-max` and `sni` change them",
            ),
            A::ProtocolVersion => said(
                why("the peer speaks no TLS version that we offer"),
                "versions are 1.2 and 1.3 here; `tls-min` and `tls-max` narrow them",
            ),
            A::NoApplicationProtocol => said(
                why("the peer accepts no application protocol that we offer"),
                "`alpn=` lists those that we offer",
            ),
            A::UnrecognisedName => said(
                why("the peer does not serve that name"),
                "`sni=NAME` asks for another",
            ),
            _ => (format!("the peer sent the alert {name}"), None),
        }
    }
}

fn tls_error(error: &io::Error) -> Option<&Tls> {
    error.get_ref()?.downcast_ref()
}

fn seconds_between(from: &UnixTime, to: &UnixTime) -> u64 {
    to.as_secs().saturating_sub(from.as_secs())
}

fn incompatible(what: &PeerIncompatible) -> Said {
    use PeerIncompatible as P;
    match what {
        P::ServerDoesNotSupportTls12Or13
        | P::ServerTlsVersionIsDisabledByOurConfig
        | P::SupportedVersionsExtensionRequired
        | P::Tls12NotOffered
        | P::Tls12NotOfferedOrEnabled => said(
            "the peer speaks no TLS version that we accept",
            "versions are 1.2 and 1.3 here; `tls-min` and `tls-max` narrow them",
        ),
        P::NoCipherSuitesInCommon => said(
            "the peer and we have no cipher suite in common",
            "only suites with forward secrecy and authenticated encryption are spoken here",
        ),
        P::NoKxGroupsInCommon | P::NamedGroupsExtensionRequired => said(
            "the peer and we have no key exchange in common",
            "X25519, P-256 and P-384 are spoken here",
        ),
        P::NoSignatureSchemesInCommon | P::NoCertificateRequestSignatureSchemesInCommon => said(
            "the peer and we have no signature scheme in common",
            "the kind of the certificate's key may not suit the peer",
        ),
        other => {
            let words = shown(&format!("{other:?}"));
            (
                format!("the peer's TLS does not go with ours ({words})"),
                None,
            )
        }
    }
}

/// The name of an alert as the RFC writes it.
fn alert_name(alert: AlertDescription) -> String {
    // The names of the enumeration are those of the RFC in another case: `UnknownCA`, `BadRecordMac`.
    if let AlertDescription::Unknown(number) = alert {
        return number.to_string();
    }
    let words = format!("{alert:?}");
    let mut name = String::new();
    let mut previous = 'A';
    for c in words.chars() {
        if c.is_ascii_uppercase() && previous.is_ascii_lowercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
        previous = c;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_rfc() {
        assert_eq!(alert_name(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(alert_name(AlertDescription::BadRecordMac), "bad_record_mac");
        assert_eq!(
            alert_name(AlertDescription::CertificateRequired),
            "certificate_required"
        );
        assert_eq!(alert_name(AlertDescription::Unknown(200)), "200");
    }
}
