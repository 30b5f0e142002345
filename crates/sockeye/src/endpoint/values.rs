//! The values of options, read and written: one pair of functions for each kind of value.

use std::ffi::OsString;
use std::net::IpAddr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sockeye_data::percent::{self, Keep};
use sockeye_data::units::{self, UnitError};

use super::carrier::HostPort;
use super::layer::{AuthKey, Pin};
use super::parse;
use super::proxy::MASK;
use super::refusal::{Fail, Piece, quoted};

const SWITCHES: &[(&str, bool)] = &[
    ("yes", true),
    ("no", false),
    ("true", true),
    ("false", false),
    ("on", true),
    ("off", false),
    ("1", true),
    ("0", false),
];

/// Reads a value through its decoded text. Where escapes shift the columns, a refusal names the start of the value.
fn decoded<T>(
    value: Piece<'_>,
    read: impl FnOnce(Piece<'_>) -> Result<T, Fail>,
) -> Result<T, Fail> {
    let text = value.decode_text()?;
    let shifted = text != value.text;
    let piece = Piece {
        text: &text,
        at: value.at,
    };
    read(piece).map_err(|mut fail| {
        if shifted {
            fail.at = value.at;
        }
        fail
    })
}

/// One of a few words.
pub(super) fn word<T: Copy>(value: Piece<'_>, words: &[(&str, T)]) -> Result<T, Fail> {
    decoded(value, |value| {
        let found = words.iter().find(|(word, _)| *word == value.text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            value
                .fail(format!("unknown value {}", quoted(value.text)))
                .hint(format!("it is one of {}", words.join(", ")))
        })
    })
}

/// The word for a value, as a list of none or one.
pub(super) fn name_of<T: Copy + PartialEq>(value: Option<T>, words: &[(&str, T)]) -> Vec<String> {
    let found = words.iter().filter(|(_, meaning)| Some(*meaning) == value);
    found.map(|(word, _)| (*word).to_owned()).collect()
}

/// Yes or no, in any of the usual spellings.
pub(super) fn switch(value: Piece<'_>) -> Result<bool, Fail> {
    word(value, SWITCHES).map_err(|fail| fail.hint("it is yes or no"))
}

pub(super) fn switched(value: Option<bool>) -> Vec<String> {
    one(value.map(|on| if on { "yes" } else { "no" }))
}

/// A value that prints itself, as a list of none or one.
pub(super) fn one(value: Option<impl ToString>) -> Vec<String> {
    let text = value.map(|value| escaped(value.to_string().as_bytes()));
    text.into_iter().collect()
}

fn escaped(bytes: &[u8]) -> String {
    percent::encode_readable(bytes, Keep::VALUE)
}

/// A whole number between these two, both included; the type must hold the highest.
pub(super) fn number<T: TryFrom<u64>>(
    value: Piece<'_>,
    lowest: u64,
    highest: u64,
) -> Result<T, Fail> {
    decoded(value, |value| {
        let digits = value.text.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.text.parse().ok().filter(|_| digits);
        let fits = number.filter(|number| (lowest..=highest).contains(number));
        fits.and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                value
                    .fail(format!("{} is no number that fits", quoted(value.text)))
                    .hint(format!("it is a whole number from {lowest} to {highest}"))
            })
    })
}

fn unit(value: Piece<'_>, error: &UnitError) -> Fail {
    value.fail(error.to_string()).hint(error.expected())
}

/// The time before an idle connection is probed; the kernel counts it in seconds, up to 32767 of them (tcp(7)).
pub(super) fn keepalive(value: Piece<'_>) -> Result<Duration, Fail> {
    decoded(value, |value| {
        let time = units::parse_duration(value.text).map_err(|error| unit(value, &error))?;
        let seconds = Duration::from_secs(1)..=Duration::from_secs(32_767);
        if seconds.contains(&time) && time.subsec_nanos() == 0 {
            return Ok(time);
        }
        let fail = value.fail("a time that the system cannot take");
        Err(fail.hint("it is a whole number of seconds, from 1s to 32767s"))
    })
}

/// A buffer size; setsockopt(2) takes an `int`.
pub(super) fn buffer(value: Piece<'_>) -> Result<u64, Fail> {
    decoded(value, |value| {
        let size = units::parse_size(value.text).map_err(|error| unit(value, &error))?;
        if (1..=2_147_483_647).contains(&size) {
            return Ok(size);
        }
        let fail = value.fail("a size that the system cannot take");
        Err(fail.hint("it is from 1B to 2147483647B"))
    })
}

/// A number of bytes, at least one.
pub(super) fn size(value: Piece<'_>) -> Result<u64, Fail> {
    decoded(value, |value| {
        let size = units::parse_size(value.text).map_err(|error| unit(value, &error))?;
        if size > 0 {
            return Ok(size);
        }
        Err(value.fail("no bytes at all").hint("it is 1B or more"))
    })
}

/// A secret of any bytes, but not what a secret is shown as.
pub(super) fn secret(value: Piece<'_>) -> Result<AuthKey, Fail> {
    if value.text == MASK {
        let fail = value.fail("a key that is masked");
        return Err(
            fail.hint("`***` stands for a key where endpoints are shown; write the key itself")
        );
    }
    let bytes = value.decode()?;
    match bytes.is_empty() {
        true => Err(value
            .fail("an empty key")
            .hint("leave it out if nobody needs a key")),
        false => Ok(AuthKey::new(bytes)),
    }
}

pub(super) fn secret_text(key: Option<&AuthKey>) -> Vec<String> {
    let text = key.map(|key| match key.reveal() {
        // It would be read as a mask.
        bytes if bytes == MASK.as_bytes() => "%2A%2A%2A".to_owned(),
        bytes => escaped(bytes),
    });
    one_raw(text)
}

pub(super) fn masked(key: Option<&AuthKey>) -> Vec<String> {
    one_raw(key.map(|_| MASK.to_owned()))
}

/// The name of an environment variable.
pub(super) fn variable(value: Piece<'_>) -> Result<String, Fail> {
    decoded(value, |value| {
        let wrong = |c: char| c == '=' || c.is_control();
        if value.text.is_empty() || value.text.contains(wrong) {
            return Err(value
                .fail("no name of a variable")
                .hint("as in authkey-env=AUTHKEY"));
        }
        Ok(value.text.to_owned())
    })
}

/// Permission bits in octal, with or without leading zeros or `0o`.
pub(super) fn mode(value: Piece<'_>) -> Result<u32, Fail> {
    decoded(value, |value| {
        let digits = value.text.strip_prefix("0o").unwrap_or(value.text);
        let octal = digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mode = u32::from_str_radix(digits, 8).ok();
        mode.filter(|mode| octal && *mode <= 0o7777).ok_or_else(|| {
            value
                .fail(format!("{} is not a mode", quoted(value.text)))
                .hint("a mode is octal, up to 7777, as in 0600")
        })
    })
}

/// The address of a multicast group.
pub(super) fn group(value: Piece<'_>) -> Result<IpAddr, Fail> {
    decoded(value, |value| {
        let group = value.text.parse().ok().filter(IpAddr::is_multicast);
        group.ok_or_else(|| {
            value
                .fail(format!("{} is not a multicast group", quoted(value.text)))
                .hint("groups are 224.0.0.0 to 239.255.255.255 and ff00::/8, without brackets")
        })
    })
}

/// A local address.
pub(super) fn local(value: Piece<'_>) -> Result<HostPort, Fail> {
    decoded(value, parse::local_address)
}

/// The name of a network interface.
pub(super) fn interface(value: Piece<'_>) -> Result<String, Fail> {
    decoded(value, parse::interface)
}

/// The name that a certificate must have: a host name or a literal address.
pub(super) fn server_name(value: Piece<'_>) -> Result<String, Fail> {
    decoded(value, |value| {
        if value.text.parse::<IpAddr>().is_err() {
            parse::host_name(value)?;
        }
        Ok(value.text.to_owned())
    })
}

/// A path of any bytes but NUL.
pub(super) fn path(value: Piece<'_>) -> Result<PathBuf, Fail> {
    let bytes = value.decode()?;
    if bytes.is_empty() {
        return Err(value.fail("no path"));
    }
    if bytes.contains(&0) {
        return Err(value.fail("a path with a NUL byte"));
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

pub(super) fn one_path(path: Option<&PathBuf>) -> Vec<String> {
    let text = path.map(|path| escaped(path.as_os_str().as_bytes()));
    text.into_iter().collect()
}

/// Protocol names parted by commas, each of 1 to 255 bytes (RFC 7301 section 3.1).
pub(super) fn protocols(value: Piece<'_>) -> Result<Vec<String>, Fail> {
    let read = |name: Piece<'_>| {
        let text = name.decode_text()?;
        if text.is_empty() {
            return Err(name.fail("an empty protocol name"));
        }
        if text.len() > 255 {
            return Err(name.fail("a protocol name longer than 255 bytes"));
        }
        Ok(text)
    };
    value.split(',').map(read).collect()
}

pub(super) fn protocol_list(names: &[String]) -> Vec<String> {
    const NAME: Keep = Keep::VALUE.without(",");
    let encode = |name: &String| percent::encode_readable(name.as_bytes(), NAME);
    let list: Vec<_> = names.iter().map(encode).collect();
    one_raw((!list.is_empty()).then(|| list.join(",")))
}

fn one_raw(text: Option<String>) -> Vec<String> {
    text.into_iter().collect()
}

/// A SHA-256 digest in hexadecimal, with or without colons between its bytes.
pub(super) fn pin(value: Piece<'_>) -> Result<Pin, Fail> {
    const HINT: &str =
        "a pin is sha256: and 64 hexadecimal digits, with or without colons between bytes";
    decoded(value, |value| {
        let digits = value
            .strip_prefix("sha256:")
            .ok_or_else(|| value.fail("a pin of an unknown kind").hint(HINT))?;
        let parted = digits.text.contains(':');
        let pairs = digits.text.split(':').all(|pair| pair.len() == 2);
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.text.replace(':', "").as_bytes());
        let digest = bytes.ok().and_then(|bytes| bytes.try_into().ok());
        match digest {
            Some(digest) if pairs || !parted => Ok(Pin(digest)),
            _ => Err(digits.fail("a pin that is not a SHA-256 digest").hint(HINT)),
        }
    })
}

pub(super) fn pin_text(pin: &Pin) -> String {
    format!("sha256:{}", HEXLOWER.encode(&pin.0))
}
