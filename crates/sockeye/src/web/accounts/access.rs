//! Who may do what: rules of the form `PATH VERB WHO`, of which the first that fits decides.
//!
//! `PATH` begins with a slash; `*` is one name or a part of one, `**` any number of names. A path without either is that
//! path and all beneath it. `VERB` is `read` (GET, HEAD, OPTIONS), `write` (all others) or `any`. `WHO` is `everyone`,
//! `users` (whoever proved to be one), `nobody`, or names with commas.

use std::fmt;
use std::str::FromStr;

/// A rule of access.
///
/// # Examples
///
/// ```
/// use sockeye::web::accounts::Rule;
///
/// let rule: Rule = "/up/** write alice,bob".parse()?;
/// assert_eq!(rule.to_string(), "/up/** write alice,bob");
/// assert!("/up scribble alice".parse::<Rule>().is_err());
/// # Ok::<(), sockeye::web::accounts::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    path: String,
    names: Vec<String>,
    verb: Verb,
    who: Who,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Read,
    Write,
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Everyone,
    Users,
    Nobody,
    Names(Vec<String>),
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError(String);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; a rule is PATH VERB WHO, as in `/up/** write alice,bob`",
            self.0
        )
    }
}

impl std::error::Error for RuleError {}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let words: Vec<_> = text.split_whitespace().collect();
        let [path, verb, who] = words[..] else {
            return Err(RuleError(format!("`{text}` has not three words")));
        };
        let Some(rest) = path.strip_prefix('/') else {
            return Err(RuleError(format!("`{path}` does not begin with a slash")));
        };
        let mut names: Vec<_> = rest
            .split('/')
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if names.iter().any(|name| matches!(&**name, "." | "..")) {
            return Err(RuleError(format!("`{path}` leads elsewhere")));
        }
        if !path.contains('*') {
            names.push("**".into());
        }
        let verb = match verb {
            "read" => Verb::Read,
            "write" => Verb::Write,
            "any" => Verb::Any,
            _ => return Err(RuleError(format!("`{verb}` is not read, write or any"))),
        };
        let who = match who {
            "everyone" | "*" => Who::Everyone,
            "users" => Who::Users,
            "nobody" => Who::Nobody,
            names => Who::Names(
                names
                    .split(',')
                    .filter(|it| !it.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
        };
        Ok(Self {
            path: path.to_owned(),
            names,
            verb,
            who,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.verb {
            Verb::Read => "read",
            Verb::Write => "write",
            Verb::Any => "any",
        };
        write!(f, "{} {verb} ", self.path)?;
        match &self.who {
            Who::Everyone => f.write_str("everyone"),
            Who::Users => f.write_str("users"),
            Who::Nobody => f.write_str("nobody"),
            Who::Names(names) => f.write_str(&names.join(",")),
        }
    }
}

impl Rule {
    /// Whether it speaks of this: `names` are those of a path, decoded, without empty ones and `.`.
    pub(super) fn fits(&self, write: bool, names: &[&[u8]]) -> bool {
        self.speaks_of(write) && fit(&self.names, names)
    }

    /// Whether it speaks of something beneath this path, or could.
    pub(super) fn reaches_beneath(&self, write: bool, names: &[&[u8]]) -> bool {
        let mut own = self.names.iter();
        let reaches = names
            .iter()
            .all(|name| match own.next().map(String::as_str) {
                Some("**") => {
                    own = [].iter();
                    true
                }
                Some(pattern) => matches(pattern.as_bytes(), name),
                None => self.names.iter().any(|it| it == "**"),
            });
        self.speaks_of(write) && reaches
    }

    fn speaks_of(&self, write: bool) -> bool {
        match self.verb {
            Verb::Any => true,
            Verb::Read => !write,
            Verb::Write => write,
        }
    }

    /// Whether it lets this user do it.
    pub(super) fn lets(&self, user: Option<&str>) -> bool {
        match (&self.who, user) {
            (Who::Everyone, _) => true,
            (Who::Users, user) => user.is_some(),
            (Who::Nobody, _) | (Who::Names(_), None) => false,
            (Who::Names(names), Some(user)) => names.iter().any(|name| name == user),
        }
    }
}

/// Whether names fit a pattern of names, in which `**` is any number.
fn fit(pattern: &[String], names: &[&[u8]]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        Some((first, [])) if first == "**" => true,
        Some((first, rest)) if first == "**" => {
            (0..=names.len()).any(|skipped| fit(rest, &names[skipped..]))
        }
        Some((first, rest)) => names
            .split_first()
            .is_some_and(|(name, others)| matches(first.as_bytes(), name) && fit(rest, others)),
    }
}

/// Whether a name fits a pattern in which `*` is any text.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let mut parts = pattern.split(|&byte| byte == b'*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        if part.is_empty() {
            continue;
        }
        let Some(at) = rest.windows(part.len()).position(|window| window == *part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The names of a path as files are found by: decoded, without empty ones and `.`.
pub(super) fn names(path: &[u8]) -> Vec<&[u8]> {
    let names = path.split(|&byte| byte == b'/');
    names.filter(|name| !matches!(*name, b"" | b".")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fit_paths_as_files_are_found() {
        for (rule, path, fits) in [
            ("/up any users", "/up", true),
            ("/up any users", "/up/a/b", true),
            ("/up any users", "/upper", false),
            ("/up/** any users", "/up", true),
            ("/up/** any users", "//./up//a", true),
            ("/*.txt any users", "/a.txt", true),
            ("/*.txt any users", "/b/a.txt", false),
            ("/**/*.txt any users", "/b/c/a.txt", true),
            ("/**/private/** any users", "/x/private/y", true),
            ("/**/private/** any users", "/private", true),
            ("/a*b*c any users", "/aXbYc", true),
            ("/a*b*c any users", "/aXc", false),
            ("/* any users", "/", false),
            ("/ any users", "/", true),
            ("/a read users", "/a", true),
            ("/a write users", "/a", false),
        ] {
            let rule: Rule = rule.parse().unwrap();
            assert_eq!(
                rule.fits(false, &names(path.as_bytes())),
                fits,
                "{rule} {path}"
            );
        }
    }

    #[test]
    fn rules_that_reach_beneath_a_folder_are_found() {
        for (rule, path, reaches) in [
            ("/a/private read ann", "/", true),
            ("/a/private read ann", "/a", true),
            ("/a/private read ann", "/b", false),
            ("/a/private read ann", "/a/private/x/y", true),
            ("/**/private/** read ann", "/b/c", true),
            ("/*/private read ann", "/b", true),
            ("/a/*.txt read ann", "/a/b/c", false),
        ] {
            let rule: Rule = rule.parse().unwrap();
            assert_eq!(
                rule.reaches_beneath(false, &names(path.as_bytes())),
                reaches,
                "{rule} {path}"
            );
        }
    }

    #[test]
    fn who_and_what_is_no_rule() {
        let lets = |rule: &str, user| rule.parse::<Rule>().unwrap().lets(user);
        assert!(lets("/ any everyone", None) && lets("/ any *", None));
        assert!(!lets("/ any users", None) && lets("/ any users", Some("x")));
        assert!(
            lets("/ any a,b", Some("b")) && !lets("/ any a,b", Some("c")) && !lets("/ any a", None)
        );
        assert!(!lets("/ any nobody", Some("a")));
        for bad in [
            "",
            "/ any",
            "a any users",
            "/ do users",
            "/ any a b",
            "/../a any users",
        ] {
            assert!(bad.parse::<Rule>().is_err(), "{bad}");
        }
    }
}
