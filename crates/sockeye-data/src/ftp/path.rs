//! The quoted path of an answer to `PWD` and `MKD` (257, RFC 959 appendix II).

use super::reply::Reply;

/// The path between the quotes of a reply; a doubled quote stands for one. `None` if there is none.
///
/// # Examples
///
/// ```
/// use sockeye_data::ftp::{ReplyParser, quoted_path};
///
/// let (reply, _) = ReplyParser::default().feed(b"257 \"/a \"\"b\"\"\" is the current directory\r\n")?.unwrap();
/// assert_eq!(quoted_path(&reply).as_deref(), Some(&b"/a \"b\""[..]));
/// # Ok::<(), sockeye_data::ftp::Fault>(())
/// ```
pub fn quoted_path(reply: &Reply) -> Option<Vec<u8>> {
    let mut rest = reply.last().trim_ascii_start().strip_prefix(b"\"")?;
    let mut path = Vec::new();
    loop {
        let end = rest.iter().position(|&byte| byte == b'"')?;
        path.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(b"\"") {
            Some(after) => {
                path.push(b'"');
                rest = after;
            }
            None => return Some(path),
        }
    }
}
