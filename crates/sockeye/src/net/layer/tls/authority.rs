//! The local authority: a key and a certificate in a folder of their owner's, which vouch for certificates that are made on the
//! fly, so that whoever trusts the one file trusts this machine's servers from then on.
//!
//! It is never put into any store of trusted roots; and as its key may be stolen, its certificate says for which names and
//! addresses it may vouch (RFC 5280 section 4.2.1.10): local ones.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::certificate::{CLOCK_SKEW, constraints, is_name, sha256};
use super::pem::Pem;
use crate::error::{Error, Kind, Operation, Result};

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca-key.pem";
/// How long the authority itself holds.
const LIFE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Names that nobody owns (RFC 6761, RFC 6762, RFC 8375), and what home networks use.
const LOCAL_NAMES: [&str; 7] = [
    "localhost",
    "local",
    "lan",
    "home",
    "internal",
    "test",
    "home.arpa",
];

/// Who vouches.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    permitted: Permitted,
    /// The file for those who are to trust it.
    pub(super) path: PathBuf,
}

/// The names and the networks that its certificate allows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Permitted {
    pub(super) names: Vec<String>,
    /// Address and mask, each of 4 or 16 bytes.
    pub(super) networks: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Authority {
    /// The authority of this folder, made if there is none; a new one may vouch for these names too.
    pub(super) fn open(dir: &Path, names: &[String]) -> Result<Self> {
        if !dir.join(KEY).exists() && !dir.join(CERTIFICATE).exists() {
            make(dir, names)?;
        }
        Self::read(dir)
    }

    fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(KEY);
        let mode = fs::metadata(&path).map_err(|e| fault(dir, &e))?.mode();
        if mode & 0o077 != 0 {
            let why = format!(
                "{} can be read by others (mode {:04o})",
                path.display(),
                mode & 0o7777
            );
            return Err(Error::new(Kind::Denied, Operation::Open, why)
                .with_hint("if nobody has read it: chmod 600; else remove the folder, and a new authority is made"));
        }
        let text = fs::read_to_string(&path).map_err(|e| fault(dir, &e))?;
        let key = KeyPair::from_pem(&text).map_err(|e| {
            let why = format!("{} is of no use ({e})", path.display());
            Error::new(Kind::Tls, Operation::Open, why).with_hint(REMOVE)
        })?;
        let path = dir.join(CERTIFICATE);
        let pem = Pem::read("ca", &path)?;
        let certificate = pem.certificates()?.swap_remove(0);
        Ok(Self {
            permitted: constraints(&certificate).unwrap_or_default(),
            issuer: Issuer::new(params(&key), key),
            path,
        })
    }

    /// A certificate for these names, as far as the authority may vouch for them, and for those that are demanded.
    pub(super) fn vouch(
        &self,
        mut names: Vec<String>,
        demanded: &[String],
        life: Duration,
    ) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>)> {
        names.retain(|name| self.permitted.allows(name));
        for name in demanded {
            if !is_name(name) {
                let why = format!("no certificate can carry the name {name}");
                return Err(Error::new(Kind::Usage, Operation::Listen, why));
            }
            if !self.permitted.allows(name) {
                let why = format!(
                    "the local authority in {} may not vouch for {name}",
                    self.path.display()
                );
                return Err(Error::new(Kind::Usage, Operation::Listen, why).with_hint(
                    "remove its folder, and a new one is made that may; or bring a certificate of your own",
                ));
            }
            names.push(name.clone());
        }
        names.sort_unstable();
        names.dedup();
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(cannot)?;
        let mut params = CertificateParams::new(names).map_err(cannot)?;
        hold(&mut params, life);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "sockeye, made on the fly");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer).map_err(cannot)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Ok((certificate.der().clone(), key))
    }
}

const REMOVE: &str = "remove the folder, and a new authority is made, which has to be trusted anew";

impl Permitted {
    /// Those of a new authority.
    fn new(names: &[String]) -> Self {
        let v4 = |a, b, bits: u32| {
            let mask = u32::MAX << (32 - bits);
            (vec![a, b, 0, 0], mask.to_be_bytes().to_vec())
        };
        let v6 = |address: Ipv6Addr, bits: u32| {
            let mask = u128::MAX << (128 - bits);
            (address.octets().to_vec(), mask.to_be_bytes().to_vec())
        };
        let mut permitted = Self {
            names: LOCAL_NAMES.map(str::to_owned).into(),
            networks: vec![
                v4(127, 0, 8),
                v4(10, 0, 8),
                v4(172, 16, 12),
                v4(192, 168, 16),
                v4(169, 254, 16),
                v4(100, 64, 10),
                v6(Ipv6Addr::LOCALHOST, 128),
                v6(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
                v6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
            ],
        };
        let own = nix::unistd::gethostname().ok();
        let own = own.and_then(|name| name.into_string().ok());
        for name in own.iter().chain(names) {
            if !is_name(name) || permitted.allows(name) {
                continue;
            }
            match name.parse() {
                Ok(IpAddr::V4(v4)) => permitted
                    .networks
                    .push((v4.octets().to_vec(), vec![0xff; 4])),
                Ok(IpAddr::V6(v6)) => permitted
                    .networks
                    .push((v6.octets().to_vec(), vec![0xff; 16])),
                Err(_) => permitted
                    .names
                    .push(name.strip_prefix("*.").unwrap_or(name).to_ascii_lowercase()),
            }
        }
        permitted
    }

    /// Whether this name, or address, is one of them.
    fn allows(&self, name: &str) -> bool {
        let bytes = match name.parse() {
            Ok(IpAddr::V4(v4)) => v4.octets().to_vec(),
            Ok(IpAddr::V6(v6)) => v6.octets().to_vec(),
            Err(_) => {
                let name = name.strip_prefix("*.").unwrap_or(name).to_ascii_lowercase();
                return self.names.iter().any(|root| {
                    let above = name.strip_suffix(root.as_str());
                    above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
                });
            }
        };
        self.networks.iter().any(|(network, mask)| {
            network.len() == bytes.len()
                && bytes
                    .iter()
                    .zip(mask)
                    .map(|(byte, mask)| byte & mask)
                    .eq(network.iter().copied())
        })
    }

    fn constraints(&self) -> NameConstraints {
        let names = self.names.iter().cloned().map(GeneralSubtree::DnsName);
        let networks = self.networks.iter().filter_map(|(network, mask)| {
            let bits = mask.iter().map(|byte| byte.count_ones()).sum::<u32>();
            let address: IpAddr = match <[u8; 4]>::try_from(&network[..]) {
                Ok(v4) => Ipv4Addr::from(v4).into(),
                Err(_) => Ipv6Addr::from(<[u8; 16]>::try_from(&network[..]).ok()?).into(),
            };
            let bits = u8::try_from(bits).ok()?;
            Some(GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(
                address, bits,
            )))
        });
        NameConstraints {
            permitted_subtrees: names.chain(networks).collect(),
            excluded_subtrees: Vec::new(),
        }
    }
}

/// What the authority says of itself. Its name follows from its key, so that its certificate need not be read for it.
fn params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let digest = HEXLOWER.encode(&sha256(key.public_key_raw())[..4]);
    let name = format!("sockeye local authority {digest}");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Make an authority: in a folder beside, which gets its name when all is in it, so that there is a whole one or none, whoever
/// else makes one at the same time.
fn make(dir: &Path, names: &[String]) -> Result<()> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(cannot)?;
    let mut params = params(&key);
    hold(&mut params, LIFE);
    params.name_constraints = Some(Permitted::new(names).constraints());
    let certificate = params.self_signed(&key).map_err(cannot)?;
    let write = || -> io::Result<()> {
        if let Some(above) = dir.parent() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(above)?;
        }
        let mut beside = dir.as_os_str().to_owned();
        beside.push(format!(
            ".new-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let beside = PathBuf::from(beside);
        DirBuilder::new().mode(0o700).create(&beside)?;
        let filled = fill(&beside, &key.serialize_pem(), &certificate.pem())
            .and_then(|()| fs::rename(&beside, dir));
        if filled.is_err() {
            // What is left of it is of no use to anybody.
            let _ = fs::remove_dir_all(&beside);
        }
        match filled {
            // Somebody else was faster.
            Err(_) if dir.join(KEY).exists() => Ok(()),
            filled => filled,
        }
    };
    write().map_err(|e| fault(dir, &e))
}

fn fill(dir: &Path, key: &str, certificate: &str) -> io::Result<()> {
    for (name, text, mode) in [(KEY, key, 0o600), (CERTIFICATE, certificate, 0o644)] {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(dir.join(name))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    File::open(dir)?.sync_all()
}

/// From yesterday, as clocks differ, for so long in all.
fn hold(params: &mut CertificateParams, life: Duration) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let begin = now.unwrap_or_default().saturating_sub(CLOCK_SKEW);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    (params.not_before, params.not_after) = (epoch + begin, epoch + begin + life);
}

fn cannot(error: rcgen::Error) -> Error {
    let why = format!("cannot make a certificate ({error})");
    Error::new(Kind::Tls, Operation::Listen, why)
}

fn fault(dir: &Path, error: &io::Error) -> Error {
    let cause = Error::from_io(Operation::Open, io::Error::from(error.kind()));
    let why = format!(
        "the local authority in {} cannot be used: {}",
        dir.display(),
        cause.why()
    );
    Error::new(cause.kind(), Operation::Open, why).with_hint(REMOVE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_new_authority_is_its_owners_alone_and_stays_the_same() {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("data/authority");
        let first = Authority::open(&dir, &[]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!((mode(&dir), mode(&dir.join(KEY))), (0o700, 0o600));
        let names: Vec<_> = fs::read_dir(above.path().join("data")).unwrap().collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let second = Authority::open(&dir, &["other.example".into()]).unwrap();
        assert_eq!(first.permitted, second.permitted);
        assert_eq!(first.permitted, Permitted::new(&[]));
    }

    #[test]
    fn an_authority_whose_key_others_can_read_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("authority");
        Authority::open(&dir, &[]).unwrap();
        fs::set_permissions(dir.join(KEY), fs::Permissions::from_mode(0o644)).unwrap();
        let error = Authority::open(&dir, &[]).err().unwrap();
        assert_eq!(error.kind(), Kind::Denied);
        fs::remove_file(dir.join(KEY)).unwrap();
        assert!(Authority::open(&dir, &[]).is_err(), "half an authority");
    }

    #[test]
    fn local_names_are_vouched_for_and_others_when_they_were_asked_for_first() {
        let permitted = Permitted::new(&["dev.example".into(), "203.0.113.7".into()]);
        for name in [
            "localhost",
            "LocalHost",
            "printer.local",
            "*.shop.test",
            "127.0.0.1",
            "::1",
            "192.168.1.4",
            "fd00::1",
            "dev.example",
            "www.dev.example",
            "203.0.113.7",
        ] {
            assert!(permitted.allows(name), "{name}");
        }
        for name in [
            "example",
            "notlocal",
            "bank.example",
            "203.0.113.8",
            "8.8.8.8",
            "2001:db8::1",
        ] {
            assert!(!permitted.allows(name), "{name}");
        }
    }

    #[test]
    fn what_is_demanded_and_may_not_be_is_refused() {
        let above = tempfile::tempdir().unwrap();
        let authority = Authority::open(&above.path().join("a"), &[]).unwrap();
        let life = Duration::from_secs(60);
        let demand = |name: &str| authority.vouch(Vec::new(), &[name.to_owned()], life);
        assert!(demand("tea.test").is_ok());
        assert_eq!(demand("tea.example").unwrap_err().kind(), Kind::Usage);
        assert_eq!(demand("no name").unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn many_who_make_one_at_the_same_time_get_the_same() {
        let above = tempfile::tempdir().unwrap();
        let dir = above.path().join("authority");
        let opened: Vec<_> = std::thread::scope(|scope| {
            let open = || fs::read(Authority::open(&dir, &[]).unwrap().path).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(opened.iter().all(|certificate| *certificate == opened[0]));
        assert_eq!(fs::read_dir(above.path()).unwrap().count(), 1);
    }
}
