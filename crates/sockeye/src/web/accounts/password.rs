//! Passwords against their hashes.

use argon2::{Algorithm, Argon2, Params, Version};
use sha_crypt::{PasswordVerifier, ShaCrypt};
use sha2::{Digest, Sha256};
use sockeye_data::accounts::{self, Hash};

/// What a password or a token is compared with.
#[derive(Clone)]
pub(super) enum Secret {
    /// The digest of one that was given as it is.
    Digest([u8; 32]),
    /// A hash, of a password.
    Hash(Hash),
}

impl Secret {
    /// The digest of a text.
    pub(super) fn of(text: &[u8]) -> Self {
        Self::Digest(Sha256::digest(text).into())
    }

    /// Whether this is the secret. Takes as long as the hash wants: 50 ms, say.
    pub(super) fn verify(&self, given: &[u8]) -> bool {
        match self {
            Self::Digest(digest) => is_equal(&Sha256::digest(given), digest),
            Self::Hash(Hash::Argon2(it)) => {
                argon2(it, given).is_some_and(|made| is_equal(&made, &it.hash))
            }
            Self::Hash(Hash::Bcrypt(it)) => bcrypt::verify(given, it).unwrap_or(false),
            Self::Hash(Hash::ShaCrypt(it)) => ShaCrypt::default()
                .verify_password(given, it.as_str())
                .is_ok(),
        }
    }

    /// Whether verifying takes long.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Hash(_))
    }
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(super) fn is_equal(one: &[u8], other: &[u8]) -> bool {
    let differs = |sum, (a, b)| sum | (a ^ b);
    one.len() == other.len() && std::hint::black_box(one.iter().zip(other).fold(0, differs)) == 0
}

fn argon2(it: &accounts::Argon2, password: &[u8]) -> Option<Vec<u8>> {
    let algorithm = match it.algorithm {
        "argon2id" => Algorithm::Argon2id,
        "argon2i" => Algorithm::Argon2i,
        _ => Algorithm::Argon2d,
    };
    let version = if it.version == 0x10 {
        Version::V0x10
    } else {
        Version::V0x13
    };
    let params = Params::new(it.memory, it.passes, it.lanes, Some(it.hash.len())).ok()?;
    let mut made = vec![0; it.hash.len()];
    let context = Argon2::new(algorithm, version, params);
    context
        .hash_password_into(password, &it.salt, &mut made)
        .ok()?;
    Some(made)
}

/// The hash of a password, as a file of accounts has it: argon2id with 19 MiB, two passes, one lane.
///
/// # Errors
///
/// No random numbers on this machine.
///
/// # Examples
///
/// ```
/// use sockeye::web::accounts::hash_password;
///
/// assert!(hash_password("correct horse")?.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn hash_password(password: &str) -> std::io::Result<String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| std::io::ErrorKind::Other)?;
    let mut made = accounts::Argon2 {
        algorithm: "argon2id",
        version: 0x13,
        memory: 19 << 10,
        passes: 2,
        lanes: 1,
        salt: salt.to_vec(),
        hash: vec![0; 32],
    };
    made.hash = argon2(&made, password.as_bytes()).ok_or(std::io::ErrorKind::InvalidInput)?;
    Ok(made.to_text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(hash: &str, password: &str) -> bool {
        Secret::Hash(Hash::parse(hash).unwrap()).verify(password.as_bytes())
    }

    #[test]
    fn passwords_are_told_by_hashes_that_others_made() {
        for (hash, password) in [
            // The vector of the reference implementation, argon2/src/test.c.
            (
                "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
                "password",
            ),
            // openssl passwd -5 and -6.
            (
                "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
                "Hello world!",
            ),
            (
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
                "Hello world!",
            ),
        ] {
            assert!(verify(hash, password), "{hash}");
            assert!(!verify(hash, "another"), "{hash}");
        }
        let made = hash_password("pässwort").unwrap();
        assert!(verify(&made, "pässwort") && !verify(&made, "passwort"));
        assert!(Secret::of(b"a").verify(b"a") && !Secret::of(b"a").verify(b"b"));
    }
}
