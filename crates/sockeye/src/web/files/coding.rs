//! Content codings (RFC 9110 section 8.4.1), and which of them a client takes.

use std::fmt;
use std::str::FromStr;

use sockeye_data::fields::quality;
use sockeye_data::http1::Headers;

/// A way to make a body smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coding {
    /// Brotli (RFC 7932).
    Brotli,
    /// Zstandard (RFC 8878), with a window that any client can hold (RFC 9659).
    Zstd,
    /// Gzip (RFC 1952).
    Gzip,
}

impl Coding {
    /// All of them: what makes the smallest files first.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in `Content-Encoding`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The extension of files that were compressed so, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zst",
            Self::Gzip => "gz",
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Coding {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "br" | "brotli" => Ok(Self::Brotli),
            "zstd" | "zst" => Ok(Self::Zstd),
            "gzip" | "gz" => Ok(Self::Gzip),
            _ => Err("a coding is br, zstd or gzip"),
        }
    }
}

/// How much a client wants each form, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    codings: [u16; 3],
    /// Bodies as they are. The least that is there unless it is named: any coding is better then.
    plain: u16,
}

impl Accepted {
    /// What `Accept-Encoding` says (RFC 9110 section 12.5.3). Without it no coding is sent, though any would be allowed.
    pub(super) fn of(headers: &Headers) -> Self {
        if !headers.contains("accept-encoding") {
            return Self {
                codings: [0; 3],
                plain: 1000,
            };
        }
        let wanted = quality::parse(headers, "accept-encoding");
        let codings = Coding::ALL.map(|coding| {
            let alias = if coding == Coding::Gzip { "x-gzip" } else { "" };
            match wanted.iter().find(|it| it.value == alias) {
                Some(old) => old.quality.max(quality::of(&wanted, coding.name())),
                None => quality::of(&wanted, coding.name()),
            }
        });
        let is_named = |name: &str| wanted.iter().any(|it| it.value == name);
        let plain = match is_named("identity") || is_named("*") {
            true => quality::of(&wanted, "identity"),
            false => 1,
        };
        Self { codings, plain }
    }

    /// How much it wants this.
    pub(super) fn coding(&self, coding: Coding) -> u16 {
        self.codings[coding as usize]
    }

    /// Whether it takes bodies as they are.
    pub(super) fn takes_plain(&self) -> bool {
        self.plain > 0
    }

    /// The coding of these that it wants most, the earlier one of two; `None` if it wants none more than none.
    pub(super) fn best(&self, offers: impl Iterator<Item = Coding>) -> Option<Coding> {
        let mut best: Option<Coding> = None;
        for offer in offers {
            let quality = self.coding(offer);
            let most = best.map_or(0, |best| self.coding(best));
            if quality > most && quality >= self.plain {
                best = Some(offer);
            }
        }
        best
    }
}

/// Whether `Accept-Encoding` may say that bodies are not taken as they are: it names them, or all that it does not name.
pub(super) fn may_refuse_plain(headers: &Headers) -> bool {
    headers.all("accept-encoding").any(|value| {
        value.contains(&b'*')
            || value
                .windows(b"identity".len())
                .any(|part| part.eq_ignore_ascii_case(b"identity"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_takes_is_weighed() {
        use Coding::{Brotli, Gzip, Zstd};
        for (value, best, takes_plain) in [
            (None, None, true),
            (Some(""), None, true),
            (Some("gzip, deflate, br, zstd"), Some(Brotli), true),
            (Some("gzip;q=1, br;q=0.9"), Some(Gzip), true),
            (Some("br;q=0"), None, true),
            (Some("gzip;q=0.001"), Some(Gzip), true),
            (Some("gzip;q=0.5, identity"), None, true),
            (Some("gzip;q=0.5, identity;q=0.5"), Some(Gzip), true),
            (Some("identity;q=0, gzip"), Some(Gzip), false),
            (Some("*;q=0, zstd"), Some(Zstd), false),
            (Some("*"), Some(Brotli), true),
            (Some("*;q=0"), None, false),
            (Some("x-gzip"), Some(Gzip), true),
            (Some("deflate"), None, true),
        ] {
            let mut headers = Headers::new();
            if let Some(value) = value {
                headers.append("Accept-Encoding", value).unwrap();
            }
            let accepted = Accepted::of(&headers);
            assert_eq!(accepted.best(Coding::ALL.into_iter()), best, "{value:?}");
            assert_eq!(accepted.takes_plain(), takes_plain, "{value:?}");
            assert!(takes_plain || may_refuse_plain(&headers), "{value:?}");
        }
    }
}
