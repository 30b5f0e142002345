//! Text that a name is compared with: exactly, with `*` and `?`, or as a part of it. Names are bytes, so it is too.

/// How a name is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// The whole name is like this.
    Is(Pattern),
    /// These bytes stand somewhere in it; the case of ASCII letters does not count.
    Has(Box<[u8]>),
}

impl Text {
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        match self {
            Self::Is(pattern) => pattern.matches(name),
            Self::Has(part) => {
                part.is_empty()
                    || name
                        .windows(part.len())
                        .any(|window| window.eq_ignore_ascii_case(part))
            }
        }
    }
}

/// A name with wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(pub(super) Vec<Piece>);

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Byte(u8),
    /// `?`: one byte.
    One,
    /// `*`: any number of them.
    Many,
}

impl Pattern {
    /// Takes time in proportion to both lengths at most: of all stars only the last one is tried again.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        let pieces = &self.0;
        let (mut piece, mut at) = (0, 0);
        let mut retry: Option<(usize, usize)> = None;
        while at < name.len() {
            match pieces.get(piece) {
                Some(Piece::Many) => {
                    retry = Some((piece + 1, at));
                    piece += 1;
                    continue;
                }
                Some(Piece::One) => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                Some(Piece::Byte(byte)) if *byte == name[at] => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let Some((after, from)) = retry else {
                return false;
            };
            retry = Some((after, from + 1));
            (piece, at) = (after, from + 1);
        }
        pieces[piece..]
            .iter()
            .all(|piece| matches!(piece, Piece::Many))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        let piece = |byte| match byte {
            b'*' => Piece::Many,
            b'?' => Piece::One,
            other => Piece::Byte(other),
        };
        Pattern(text.bytes().map(piece).collect())
    }

    #[test]
    fn wildcards_match_like_in_a_shell() {
        for (text, name, matches) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("nginx", "nginx", true),
            ("nginx", "nginx2", false),
            ("ng*", "nginx", true),
            ("*inx", "nginx", true),
            ("n*x", "nginx", true),
            ("n*n*x", "nginx", true),
            ("n?inx", "nginx", true),
            ("?", "", false),
            ("*a*b*c", "xaxbxbc", true),
            ("*a*b*c", "xaxcxb", false),
        ] {
            assert_eq!(
                pattern(text).matches(name.as_bytes()),
                matches,
                "{text} on {name}"
            );
        }
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let slow = pattern(&"*a".repeat(200));
        assert!(!slow.matches("b".repeat(4_000).as_bytes()));
    }

    #[test]
    fn a_part_is_found_in_any_case() {
        assert!(Text::Has(b"DOCKER".as_slice().into()).matches(b"/run/docker.sock"));
        assert!(!Text::Has(b"podman".as_slice().into()).matches(b"/run/docker.sock"));
    }
}
