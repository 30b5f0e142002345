//! Files of checksums, as `sha256sum` and BSD's `sha256` write them.

use super::checksum::{Algorithm, Checksum};

/// What a file of checksums says of the file of this name; a file that is alone and without a name counts for every name.
///
/// Lines of `sha256sum` (`HEX  name`, `HEX *name`) and of BSD (`SHA256 (name) = HEX`) are read, others are passed over. The digits
/// tell the algorithm. Paths before the name do not count.
///
/// # Examples
///
/// ```
/// use sockeye::client::download::find_checksum;
///
/// let sums = "d41d8cd98f00b204e9800998ecf8427e *./empty.bin\nMD5 (abc) = 900150983cd24fb0d6963f7d28e17f72\n";
/// assert_eq!(find_checksum(sums, "empty.bin").unwrap().to_string(), "md5:d41d8cd98f00b204e9800998ecf8427e");
/// assert_eq!(find_checksum(sums, "abc").unwrap().to_string(), "md5:900150983cd24fb0d6963f7d28e17f72");
/// assert_eq!(find_checksum(sums, "other"), None);
/// ```
pub fn find_checksum(sums: &str, name: &str) -> Option<Checksum> {
    let mut lines = sums.lines().filter_map(line);
    let alone = {
        let mut all = sums.lines().filter(|line| !line.trim().is_empty());
        match (all.next(), all.next()) {
            (Some(only), None) => Checksum::from_hex(None, only.trim()),
            _ => None,
        }
    };
    let found = lines.find(|(named, _)| last(named) == name);
    found.map(|(_, checksum)| checksum).or(alone)
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn line(line: &str) -> Option<(String, Checksum)> {
    let line = line.trim_end_matches(['\r', '\n']);
    // A leading backslash says that backslashes and line breaks in the name are escaped.
    let (escaped, line) = match line.strip_prefix('\\') {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (name, checksum) = bsd(line).or_else(|| gnu(line))?;
    let name = match escaped {
        true => name.replace("\\n", "\n").replace("\\\\", "\\"),
        false => name.to_owned(),
    };
    Some((name, checksum))
}

fn bsd(line: &str) -> Option<(&str, Checksum)> {
    let (algorithm, rest) = line.split_once(" (")?;
    let algorithm = Algorithm::named(algorithm)?;
    let (name, hex) = rest.rsplit_once(") = ")?;
    Some((name, Checksum::from_hex(Some(algorithm), hex.trim())?))
}

fn gnu(line: &str) -> Option<(&str, Checksum)> {
    let (hex, rest) = line.split_once(' ')?;
    let name = rest.strip_prefix([' ', '*']).unwrap_or(rest);
    Some((name, Checksum::from_hex(None, hex)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_lines_and_nothing_else() {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
        let sums = format!(
            "# comment\n-----BEGIN PGP SIGNED MESSAGE-----\n{md5}  a b.txt\r\n{sha1} *dir/c.bin\nMD5 (d (1).txt) = {md5}\n\
             SHA1 (e) = {md5}\n\\{md5}  f\\\\g\nzz  h\n{md5}\n"
        );
        for (name, found) in [
            ("a b.txt", Some("md5")),
            ("c.bin", Some("sha1")),
            ("d (1).txt", Some("md5")),
            ("e", None),
            ("f\\g", Some("md5")),
            ("h", None),
            ("", None),
        ] {
            let it = find_checksum(&sums, name).map(|it| it.algorithm().name());
            assert_eq!(it, found, "{name}");
        }
        assert!(find_checksum(&format!("{md5}\n"), "anything").is_some());
    }
}
