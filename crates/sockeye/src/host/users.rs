//! The names of users, from `/etc/passwd`. No name service is asked: that could take seconds, and load foreign code.
//!
//! See passwd(5). Users that only a directory server knows keep their number.
//!
//! ```
//! use sockeye::host::users::Users;
//!
//! let users = Users::parse(b"root:x:0:0:root:/root:/bin/sh\n");
//! assert_eq!(users.name(0), Some("root"));
//! ```

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;

/// Where the system keeps its table.
const PATH: &str = "/etc/passwd";
/// The most bytes of it that are read.
const MAX_BYTES: u64 = 1 << 22;
/// The most users that are kept.
const MAX_USERS: usize = 1 << 16;

/// User numbers and their names.
#[derive(Clone, Debug, Default)]
pub struct Users(HashMap<u32, String>);

impl Users {
    /// Those of this machine; none if the file cannot be read.
    pub fn of_system() -> Self {
        let mut text = Vec::new();
        match File::open(PATH).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text)) {
            Ok(_) => Self::parse(&text),
            Err(_) => Self::default(),
        }
    }

    /// From the text of the file. Of several names for one number the first counts, as for getpwuid(3).
    pub fn parse(text: &[u8]) -> Self {
        let mut users = HashMap::new();
        for line in text.split(|byte| *byte == b'\n').take(MAX_USERS) {
            let mut fields = line.split(|byte| *byte == b':');
            let (Some(name), Some(_), Some(uid)) = (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            let uid = std::str::from_utf8(uid)
                .ok()
                .and_then(|uid| uid.parse().ok());
            let comment = name
                .first()
                .is_none_or(|byte| matches!(byte, b'#' | b'+' | b'-'));
            if let (Some(uid), false) = (uid, comment) {
                users
                    .entry(uid)
                    .or_insert_with(|| String::from_utf8_lossy(name).into_owned());
            }
        }
        Self(users)
    }

    /// The number of the user with this name.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        let known = self.0.iter().find(|(_, known)| *known == name);
        known.map(|(uid, _)| *uid)
    }

    /// Every name, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        self.0.values().map(String::as_str)
    }

    /// The name of this user.
    pub fn name(&self, uid: u32) -> Option<&str> {
        self.0.get(&uid).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_name_of_a_number_counts() {
        let users = Users::parse(
            b"root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0::/:/bin/sh\n# c:x:5:\n+::::::\nww:x:33:33:w:/:/x\n\
              bad\nbad:x:y:0\n:x:7:7::/:/\nlast:x:4294967294:0",
        );
        assert_eq!(users.name(0), Some("root"));
        assert_eq!(users.name(33), Some("ww"));
        assert_eq!(users.name(4_294_967_294), Some("last"));
        assert_eq!((users.name(5), users.name(7)), (None, None));
    }

    #[test]
    fn this_machine_knows_root() {
        assert_eq!(Users::of_system().name(0), Some("root"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Users::parse(&text);
        }
    }
}
