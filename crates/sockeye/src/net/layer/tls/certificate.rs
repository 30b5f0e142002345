//! What a certificate says of itself, and how one is made on the fly.
//!
//! Only fingerprint, issuer and subject are read here, for messages; whether a certificate is to be believed is
//! decided by rustls and webpki.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sockeye_data::fields::date;

use super::authority::Permitted;
use crate::endpoint::Host;
use crate::error::{Error, Kind, Operation, Result};

/// How long a certificate that was made on the fly holds. It dies with its process anyway, unless that renews it before.
pub(super) const VALIDITY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// id-ce-subjectAltName, 2.5.29.17.
const OTHER_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// The peer's clock may be slow by this much.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// What messages say of a peer's certificate.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) digest: [u8; 32],
    pub(super) self_signed: bool,
    /// The common name, or else the organisation, of who signed it.
    pub(super) issuer: Option<String>,
    /// Whether it says where the certificate of its issuer can be had, as those of intermediate authorities do.
    pub(super) points_up: bool,
}

/// What a certificate says of itself. Unless it was checked, anybody can have written that.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Certificate {
    /// The common name, or else the organisation, of its holder.
    pub subject: Option<String>,
    /// The same of who signed it.
    pub issuer: Option<String>,
    /// The machines that it is for: names, then addresses (RFC 5280 section 4.2.1.6).
    pub names: Vec<String>,
    /// Since when it holds.
    pub not_before: Option<SystemTime>,
    /// Until when it holds.
    pub not_after: Option<SystemTime>,
    /// Its SHA-256 digest in hexadecimal, as `pin=sha256:` takes it.
    pub fingerprint: String,
    /// Whether its holder signed it, too.
    pub self_signed: bool,
}

impl Certificate {
    /// Of a certificate in DER; what cannot be read of it is left out.
    pub(super) fn of(der: &[u8]) -> Self {
        let names = names(der);
        let (not_before, not_after) = validity(der).unwrap_or_default();
        Self {
            subject: names.and_then(|(_, subject)| readable(subject)),
            issuer: names.and_then(|(issuer, _)| readable(issuer)),
            names: machines(der),
            not_before,
            not_after,
            fingerprint: fingerprint(der),
            self_signed: names.is_some_and(|(issuer, subject)| issuer == subject),
        }
    }
}

impl Leaf {
    pub(super) fn of(der: &CertificateDer<'_>) -> Self {
        let names = names(der);
        Self {
            digest: sha256(der),
            self_signed: names.is_some_and(|(issuer, subject)| issuer == subject),
            issuer: names.and_then(|(issuer, _)| readable(issuer)),
            points_up: points_up(der).is_some(),
        }
    }

    pub(super) fn fingerprint(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }
}

/// The SHA-256 digest, by the same provider that does the rest of the cryptography.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let suite = rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
    let mut digest = [0; 32];
    if let Some(suite) = suite.tls13() {
        // The suite is named after SHA-256, whose output has 32 bytes.
        digest.copy_from_slice(suite.common.hash_provider.hash(bytes).as_ref());
    }
    digest
}

/// The fingerprint of a certificate: the SHA-256 digest of its DER form in hexadecimal.
pub(super) fn fingerprint(der: &[u8]) -> String {
    HEXLOWER.encode(&sha256(der))
}

/// A certificate of our own making, and its key.
pub(super) fn make(
    host: Option<&Host>,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
    let fail = |e: rcgen::Error| {
        let why = format!("cannot make a certificate ({e})");
        Error::new(Kind::Tls, Operation::Listen, why)
    };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(fail)?;
    let mut params = rcgen::CertificateParams::new(own_names(host)).map_err(fail)?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + now.saturating_sub(CLOCK_SKEW);
    params.not_after = epoch + now + VALIDITY;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "sockeye, made on the fly");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let certificate = params.self_signed(&key).map_err(fail)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok((certificate.der().clone(), key))
}

/// The names by which a client on this machine or beside it may call us.
pub(super) fn own_names(host: Option<&Host>) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(String::from).into();
    if let Ok(name) = nix::unistd::gethostname() {
        names.extend(name.into_string());
    }
    match host {
        Some(Host::Name(name)) => names.push(name.clone()),
        Some(Host::Ip { addr, .. }) if !addr.is_unspecified() => names.push(addr.to_string()),
        Some(Host::Ip { .. } | Host::Any) => names.extend(own_addresses()),
        _ => {}
    }
    // A machine may have any name; only those that a certificate can carry are of use.
    names.retain(|name| is_name(name));
    names.sort_unstable();
    names.dedup();
    names
}

/// Whether a certificate can carry this name or address.
pub(super) fn is_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    rustls::pki_types::ServerName::try_from(name).is_ok()
}

/// The addresses of this machine's interfaces, but those that hold on one link only.
fn own_addresses() -> Vec<String> {
    let Ok(interfaces) = nix::ifaddrs::getifaddrs() else {
        return Vec::new();
    };
    let addresses = interfaces.filter_map(|interface| interface.address);
    addresses
        .filter_map(|address| {
            if let Some(v4) = address.as_sockaddr_in() {
                return Some(v4.ip().to_string());
            }
            let v6 = address.as_sockaddr_in6()?.ip();
            (!v6.is_unicast_link_local()).then(|| v6.to_string())
        })
        .collect()
}

/// Issuer, validity and subject of a certificate, in DER (RFC 5280 section 4.1).
fn parts(der: &[u8]) -> Option<[&[u8]; 3]> {
    let (_, certificate, _) = element(der)?;
    let (_, mut rest, _) = element(certificate)?;
    // The version is optional and comes first.
    if let (0xa0, _, after) = element(rest)? {
        rest = after;
    }
    let (_, _, rest) = element(rest)?; // serial number
    let (_, _, rest) = element(rest)?; // signature algorithm
    let (_, issuer, rest) = element(rest)?;
    let (_, validity, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    Some([issuer, validity, subject])
}

/// Issuer and subject of a certificate.
fn names(der: &[u8]) -> Option<(&[u8], &[u8])> {
    parts(der).map(|[issuer, _, subject]| (issuer, subject))
}

/// Since when and until when it holds.
fn validity(der: &[u8]) -> Option<(Option<SystemTime>, Option<SystemTime>)> {
    let [_, validity, _] = parts(der)?;
    let (kind, from, rest) = element(validity)?;
    let not_before = time(kind, from);
    let (kind, until, _) = element(rest)?;
    Some((not_before, time(kind, until)))
}

/// A time as certificates have it (RFC 5280 section 4.1.2.5): two digits of the year, or four, and always Greenwich.
fn time(kind: u8, text: &[u8]) -> Option<SystemTime> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (year, rest) = match kind {
        0x17 => text.split_at_checked(2)?,
        0x18 => text.split_at_checked(4)?,
        _ => return None,
    };
    if rest.len() != 10 || !rest.bytes().chain(year.bytes()).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = |at: usize| rest.get(at..at + 2)?.parse::<i64>().ok();
    let year = match (kind, year.parse::<i64>().ok()?) {
        (0x17, short @ 50..) => 1900 + short,
        (0x17, short) => 2000 + short,
        (_, year) => year,
    };
    let time = [number(4)?, number(6)?, number(8)?];
    let seconds = date::seconds_of(year, number(0)?, number(2)?, time)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

/// The names and addresses of machines in a certificate (RFC 5280 section 4.2.1.6).
fn machines(der: &[u8]) -> Vec<String> {
    let listed = extension(der, OTHER_NAMES).and_then(element);
    let mut rest = listed.map_or(&[][..], |(_, list, _)| list);
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    while let Some((tag, name, after)) = element(rest) {
        rest = after;
        match (tag, name.len()) {
            (0x82, _) => names.push(String::from_utf8_lossy(name).into_owned()),
            (0x87, 4) => addresses.extend(<[u8; 4]>::try_from(name).map(IpAddr::from)),
            (0x87, 16) => addresses.extend(<[u8; 16]>::try_from(name).map(IpAddr::from)),
            _ => {}
        }
    }
    names.extend(addresses.iter().map(IpAddr::to_string));
    names
}

/// Whether the authority information access (RFC 5280 section 4.2.2.1) tells where the issuer's certificate is.
fn points_up(der: &[u8]) -> Option<()> {
    /// id-pe-authorityInfoAccess, 1.3.6.1.5.5.7.1.1.
    const ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];
    /// id-ad-caIssuers, 1.3.6.1.5.5.7.48.2.
    const ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];
    let mut descriptions = element(extension(der, ACCESS)?)?.1;
    while let Some((_, description, rest)) = element(descriptions) {
        descriptions = rest;
        if element(description)?.1 == ISSUERS {
            return Some(());
        }
    }
    None
}

/// The value of an extension (RFC 5280 section 4.1).
fn extension<'der>(der: &'der [u8], wanted: &[u8]) -> Option<&'der [u8]> {
    let (_, certificate, _) = element(der)?;
    let (_, mut fields, _) = element(certificate)?;
    let mut extensions = loop {
        let (tag, content, rest) = element(fields)?;
        if tag == 0xa3 {
            break element(content)?.1;
        }
        fields = rest;
    };
    while let Some((_, extension, rest)) = element(extensions) {
        extensions = rest;
        let (_, kind, mut value) = element(extension)?;
        if kind != wanted {
            continue;
        }
        // Whether it is critical may stand before the value.
        if let Some((1, _, after)) = element(value) {
            value = after;
        }
        return Some(element(value)?.1);
    }
    None
}

/// For which names and networks the holder may vouch (RFC 5280 section 4.2.1.10); `None` if nothing is said of that.
pub(super) fn constraints(der: &[u8]) -> Option<Permitted> {
    /// id-ce-nameConstraints, 2.5.29.30.
    const CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
    let (0xa0, mut subtrees, _) = element(element(extension(der, CONSTRAINTS)?)?.1)? else {
        return None;
    };
    let mut permitted = Permitted::default();
    while let Some((_, subtree, rest)) = element(subtrees) {
        subtrees = rest;
        match element(subtree)? {
            (0x82, name, _) => permitted
                .names
                .push(String::from_utf8_lossy(name).into_owned()),
            (0x87, network, _) => {
                let (address, mask) = network.split_at(network.len() / 2);
                permitted.networks.push((address.into(), mask.into()));
            }
            _ => {}
        }
    }
    Some(permitted)
}

/// The subject's common name, and its other names: of machines, of mailboxes, URIs (RFC 5280 section 4.2.1.6).
pub(super) fn subject(der: &[u8]) -> (Option<String>, Vec<String>) {
    let common = names(der).and_then(|(_, subject)| attribute(subject, &[0x55, 4, 3]));
    let listed = extension(der, OTHER_NAMES).and_then(element);
    let mut rest = listed.map_or(&[][..], |(_, list, _)| list);
    let mut others = Vec::new();
    while let Some((tag, name, after)) = element(rest) {
        rest = after;
        if let (0x81 | 0x82 | 0x86, Ok(name)) = (tag, std::str::from_utf8(name)) {
            others.push(name.to_owned());
        }
    }
    (common, others)
}

/// The first attribute of this kind in a distinguished name, if it is text in UTF-8 or ASCII.
fn attribute(mut name: &[u8], wanted: &[u8]) -> Option<String> {
    while let Some((_, set, rest)) = element(name) {
        name = rest;
        let (_, attribute, _) = element(set)?;
        let (_, kind, value) = element(attribute)?;
        if kind == wanted {
            let (_, text, _) = element(value)?;
            return String::from_utf8(text.to_vec()).ok();
        }
    }
    None
}

/// The common name (2.5.4.3), or else the organisation (2.5.4.10), in a distinguished name.
fn readable(mut name: &[u8]) -> Option<String> {
    let mut organisation = None;
    while let Some((_, set, rest)) = element(name) {
        name = rest;
        let Some((_, attribute, _)) = element(set) else {
            continue;
        };
        let Some((_, kind, value)) = element(attribute) else {
            continue;
        };
        let Some((_, text, _)) = element(value) else {
            continue;
        };
        match kind {
            [0x55, 4, 3] => return Some(String::from_utf8_lossy(text).into_owned()),
            [0x55, 4, 10] => organisation = Some(String::from_utf8_lossy(text).into_owned()),
            _ => {}
        }
    }
    organisation
}

/// The first DER element: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // No certificate is longer than three bytes of length can say.
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = digits
                .iter()
                .fold(0, |sum, &digit| sum << 8 | usize::from(digit));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sha256_is_sha256() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            HEXLOWER.encode(&sha256(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_made_certificate_is_its_own_issuer() {
        let (der, _) = make(Some(&Host::Name("db.example".into()))).unwrap();
        let leaf = Leaf::of(&der);
        assert!(leaf.self_signed);
        assert_eq!(leaf.issuer.as_deref(), Some("sockeye, made on the fly"));
        assert_eq!(leaf.fingerprint(), fingerprint(&der));
    }

    #[test]
    fn a_certificate_is_read_with_its_names_and_times() {
        let key = rcgen::KeyPair::generate().unwrap();
        let names = [
            "a.example".to_owned(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let holder = (rcgen::DnType::CommonName, "A \u{e4}");
        params.distinguished_name.push(holder.0, holder.1);
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.not_after = rcgen::date_time_ymd(2051, 3, 1);
        let read = Certificate::of(params.self_signed(&key).unwrap().der());
        assert_eq!(read.subject.as_deref(), Some("A \u{e4}"));
        assert_eq!(read.issuer, read.subject);
        assert!(read.self_signed);
        assert_eq!(read.names, ["a.example", "127.0.0.1", "::1"]);
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(read.not_before, at(1_709_164_800));
        assert_eq!(read.not_after, at(2_561_241_600));
    }

    #[test]
    fn times_of_certificates_are_those_of_the_calendar() {
        let at = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(time(0x17, b"700101000000Z"), at(0));
        assert_eq!(time(0x17, b"261122235959Z"), at(1_795_391_999));
        assert_eq!(time(0x18, b"20500101000000Z"), at(2_524_608_000));
        for damaged in [
            &b""[..],
            b"Z",
            b"261122235959",
            b"26112223595Z",
            b"26 122235959Z",
            b"261322235959Z",
            b"260022235959Z",
            b"260100235959Z",
            b"690101000000Z x",
            b"\xff\xff1122235959Z",
        ] {
            assert_eq!(time(0x17, damaged), None, "{damaged:?}");
        }
        assert_eq!(time(0x18, b"00000101000000Z"), None);
        assert!(time(0x18, b"99991231235959Z").is_some());
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_names_and_do_no_harm() {
        let (der, _) = make(None).unwrap();
        for cut in 0..der.len() {
            let _ = Leaf::of(&CertificateDer::from(&der[..cut]));
            let _ = Certificate::of(&der[..cut]);
        }
        for at in 0..der.len() {
            let mut bytes = der.to_vec();
            bytes[at] = 0xff;
            let _ = Certificate::of(&bytes);
            let _ = Leaf::of(&CertificateDer::from(bytes));
        }
        assert!(names(b"").is_none());
        assert!(element(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_none());
        assert!(element(&[0x30, 0x82, 0xff]).is_none());
    }

    #[test]
    fn a_host_name_that_no_certificate_can_carry_is_left_out() {
        let names = own_names(Some(&Host::Name("not a name".into())));
        assert!(names.contains(&"localhost".to_owned()));
        assert!(!names.contains(&"not a name".to_owned()));
    }
}
