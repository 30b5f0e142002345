//! What of a folder is no client's to see although it is there: the text of programs, say.

/// Paths and endings of names that are kept from clients.
#[derive(Clone, Debug, Default)]
pub(super) struct Withheld {
    /// Each as its names; what is beneath is kept too.
    paths: Vec<Vec<Vec<u8>>>,
    endings: Vec<Vec<u8>>,
}

impl Withheld {
    pub(super) fn add_path(&mut self, path: &[u8]) {
        self.paths.push(names(path).map(<[u8]>::to_vec).collect());
    }

    pub(super) fn add_ending(&mut self, ending: &[u8]) {
        self.endings.push(ending.to_vec());
    }

    /// Whether this path is kept from clients.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        let is_beneath = |withheld: &Vec<Vec<u8>>| {
            let mut asked = names(path);
            withheld
                .iter()
                .all(|name| asked.next() == Some(name.as_slice()))
        };
        self.paths.iter().any(is_beneath) || names(path).any(|name| self.ends(name))
    }

    fn ends(&self, name: &[u8]) -> bool {
        // In any case: a file system may not tell cases apart.
        self.endings.iter().any(|ending| {
            name.len() > ending.len()
                && name[name.len() - ending.len()..].eq_ignore_ascii_case(ending)
        })
    }

    /// The same, seen from a folder beneath.
    pub(super) fn within(&self, folder: &[u8]) -> Self {
        let strip = |withheld: &Vec<Vec<u8>>| {
            let mut rest = withheld.iter();
            for name in names(folder) {
                if rest.next().map(Vec::as_slice) != Some(name) {
                    return None;
                }
            }
            Some(rest.cloned().collect())
        };
        Self {
            paths: self.paths.iter().filter_map(strip).collect(),
            endings: self.endings.clone(),
        }
    }
}

/// The names in a path.
fn names(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_from_clients() {
        let mut withheld = Withheld::default();
        withheld.add_path(b"a/cgi-bin");
        withheld.add_ending(b".py");
        for path in ["a/cgi-bin", "a//./cgi-bin/x", "x.py", "b/x.PY", "x.py/y"] {
            assert!(withheld.has(path.as_bytes()), "{path}");
        }
        for path in ["", "a", "cgi-bin", "a/cgi-bin2", ".py", "xpy"] {
            assert!(!withheld.has(path.as_bytes()), "{path}");
        }
        let within = withheld.within(b"a/");
        assert!(within.has(b"cgi-bin/x") && within.has(b"x.py") && !within.has(b"a/cgi-bin"));
        assert!(!withheld.within(b"b").has(b"cgi-bin"));
    }
}
