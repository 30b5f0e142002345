//! How files are served: what the owner of the folder decides.

use std::time::Duration;

use sockeye_data::http1::{self, Headers};
use sockeye_data::media;

use super::coding::Coding;

/// How files are served.
///
/// # Examples
///
/// ```
/// use sockeye::web::files::{Files, HeaderRule, Root, Rules, Settings};
///
/// let mut settings = Settings::default();
/// settings.pretty = true;
/// settings.headers.push("*.css=Cache-Control: max-age=60".parse::<HeaderRule>()?);
/// let files = Files::new(Root::new(".", Rules::default())?).settings(settings);
/// # let _: Files = files;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// What a folder is shown as if it has a file of one of these names: `index.html`.
    pub index: Vec<String>,
    /// Whether `/about` is `about.html` if there is nothing else of that name: no.
    pub pretty: bool,
    /// The file that navigations to unknown paths get with status 200, for pages that are programs: none.
    pub fallback: Option<String>,
    /// The page that goes with status 404: none.
    pub not_found: Option<String>,
    /// Whether `x.br`, `x.zst` and `x.gz` are sent for `x` to those who take that: yes.
    pub precompressed: bool,
    /// What is compressed on the way, the best first: nothing.
    pub compress: Vec<Coding>,
    /// Media types of extensions, before the built-in ones.
    pub types: Vec<(String, String)>,
    /// Header lines of files; of one name, the last rule that fits counts.
    pub headers: Vec<HeaderRule>,
    /// Which origin's pages may read what is served (`*` for all): none.
    pub cors: Option<String>,
    /// Parts of one file that a request may ask for; a request for more gets the whole: 64. 0 for no parts at all.
    pub ranges: usize,
    /// How many files are kept in memory or open: 1024. As many as a quarter of the descriptors that the process may have
    /// are kept open at most.
    pub cached_files: usize,
    /// Bytes of files that are kept in memory: 64 MiB. The same again for compressed files.
    pub cached_bytes: u64,
    /// Files up to this size are kept in memory, others open: 16 KiB.
    pub small: u64,
    /// How long what is kept counts without a look at the folder: 1 s.
    pub trusted: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            index: vec!["index.html".into()],
            pretty: false,
            fallback: None,
            not_found: None,
            precompressed: true,
            compress: Vec::new(),
            types: Vec::new(),
            headers: Vec::new(),
            cors: None,
            ranges: 64,
            cached_files: 1024,
            cached_bytes: 64 << 20,
            small: 16 << 10,
            trusted: Duration::from_secs(1),
        }
    }
}

impl Settings {
    /// The media type of a file of this name, without a charset.
    pub(super) fn media_type(&self, name: &[u8]) -> Option<&str> {
        let extension = media::extension(name)?;
        let own = self
            .types
            .iter()
            .rev()
            .find(|(known, _)| known.eq_ignore_ascii_case(extension));
        match own {
            Some((_, media_type)) => Some(media_type),
            None => media::of_extension(extension),
        }
    }

    /// Add the lines that the rules have for this path.
    pub(super) fn add_headers(&self, path: &[u8], headers: &mut Headers) {
        if let Some(origin) = &self.cors {
            for (name, value) in [
                ("Access-Control-Allow-Origin", &**origin),
                ("Access-Control-Expose-Headers", EXPOSED),
            ] {
                // What is no origin was refused when it was set, or leaves the line out.
                let _ = headers.append(name, value);
            }
        }
        for rule in self.headers.iter().filter(|rule| rule.fits(path)) {
            // Rules hold lines that can be written.
            let _ = headers.replace(&rule.name, &rule.value);
        }
    }
}

/// What scripts of other origins may read besides the usual.
const EXPOSED: &str = "Accept-Ranges, Content-Encoding, Content-Range, ETag";

/// A header line for files whose path fits: `Name: value` for all, `*.css=Name: value` for some.
///
/// `*` stands for any characters, `?` for one. A pattern without a slash is about the name of a file, one with a slash about
/// its path beneath the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderRule {
    pattern: Option<String>,
    name: String,
    value: String,
}

impl HeaderRule {
    /// This line for all files.
    ///
    /// # Errors
    ///
    /// A line that cannot be written, and one that is the server's affair.
    pub fn new(name: &str, value: &str) -> Result<Self, HeaderRuleError> {
        const OURS: [&str; 6] = [
            "connection",
            "content-length",
            "content-range",
            "date",
            "keep-alive",
            "transfer-encoding",
        ];
        let (name, value) = (name.trim(), value.trim());
        Headers::new()
            .append(name, value)
            .map_err(HeaderRuleError::Line)?;
        if OURS.iter().any(|our| our.eq_ignore_ascii_case(name)) {
            return Err(HeaderRuleError::Ours(name.into()));
        }
        Ok(Self {
            pattern: None,
            name: name.into(),
            value: value.into(),
        })
    }

    fn fits(&self, path: &[u8]) -> bool {
        let Some(pattern) = &self.pattern else {
            return true;
        };
        let name = match pattern.contains('/') {
            true => path,
            false => path.rsplit(|&byte| byte == b'/').next().unwrap_or(path),
        };
        let pattern = pattern.strip_prefix('/').unwrap_or(pattern);
        matches(pattern.as_bytes(), name)
    }
}

impl std::str::FromStr for HeaderRule {
    type Err = HeaderRuleError;

    fn from_str(text: &str) -> Result<Self, HeaderRuleError> {
        let (before, value) = text.split_once(':').ok_or(HeaderRuleError::NoColon)?;
        match before.rsplit_once('=') {
            None => Self::new(before, value),
            Some((pattern, name)) => Ok(Self {
                pattern: Some(pattern.into()),
                ..Self::new(name, value)?
            }),
        }
    }
}

/// Why a text is no rule for a header line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum HeaderRuleError {
    /// There is no colon.
    NoColon,
    /// The line cannot be written.
    Line(http1::Error),
    /// The server writes this line itself.
    Ours(String),
}

impl std::fmt::Display for HeaderRuleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoColon => {
                f.write_str("a header is `Name: value`, or `*.css=Name: value` for some files")
            }
            Self::Line(error) => error.fmt(f),
            Self::Ours(name) => write!(f, "the server writes `{name}` itself"),
        }
    }
}

impl std::error::Error for HeaderRuleError {}

/// Whether a pattern with `*` and `?` is about all of this text. Takes no more than the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // The last star, and where in the text what follows it was tried.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, tried)) = star else {
                    return false;
                };
                star = Some((at, tried + 1));
                p = at + 1;
                t = tried + 1;
            }
        }
    }
    pattern[p..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_rules_are_read_and_fit() {
        let rule: HeaderRule = "Link: <a=b>; rel=x".parse().unwrap();
        assert_eq!((&*rule.name, &*rule.value), ("Link", "<a=b>; rel=x"));
        assert!(rule.fits(b"any/thing"));
        for (pattern, path, fits) in [
            ("*.css", "a.css", true),
            ("*.css", "deep/a.css", true),
            ("*.css", "a.css.br", false),
            ("/assets/*", "assets/a/b", true),
            ("/assets/*", "x/assets/a", false),
            ("assets/?", "assets/ab", false),
            ("a*b*c", "axxbxbc", true),
            ("a*b*c", "axxbxb", false),
        ] {
            let rule: HeaderRule = format!("{pattern}=X-Y: z").parse().unwrap();
            assert_eq!(rule.fits(path.as_bytes()), fits, "{pattern} {path}");
        }
        for text in [
            "nothing",
            "a b: c",
            "x: a\nb",
            "Content-Length: 3",
            "*.x=Date: now",
        ] {
            assert!(text.parse::<HeaderRule>().is_err(), "{text}");
        }
    }
}
