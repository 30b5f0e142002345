//! What a filter needs to know of this machine while it is read: services, users, and the ports that the system hands
//! out. Nothing is read before a word needs it.

use std::cell::OnceCell;
use std::ops::RangeInclusive;

use crate::host::services::{self, Services};
use crate::host::users::Users;

/// The names that may stand in a filter for numbers.
///
/// # Examples
///
/// ```
/// use sockeye::host::filter::{Filter, Names};
///
/// let names = Names::parse(b"my-app 7000/tcp\n", b"www-data:x:33:33::/var/www:/bin/false\n");
/// let filter = Filter::parse("sport = my-app and user = www-data", &names).unwrap();
/// assert_eq!(filter.to_string(), "sport = 7000 and uid = 33");
/// ```
#[derive(Debug)]
pub struct Names {
    services: OnceCell<Services>,
    users: OnceCell<Users>,
    ports: OnceCell<RangeInclusive<u16>>,
}

impl Names {
    /// Those of this machine, each table read when it is first needed: `/etc/services`, `/etc/passwd`,
    /// `ip_local_port_range`.
    pub fn system() -> Self {
        Self {
            services: OnceCell::new(),
            users: OnceCell::new(),
            ports: OnceCell::new(),
        }
    }

    /// Those of these texts, in the forms of services(5) and passwd(5), and the range of ports that is usual, 32768 to
    /// 60999.
    pub fn parse(services: &[u8], passwd: &[u8]) -> Self {
        Self {
            services: Services::parse(services).into(),
            users: Users::parse(passwd).into(),
            ports: (32_768..=60_999).into(),
        }
    }

    pub(super) fn services(&self) -> &Services {
        self.services.get_or_init(Services::system)
    }

    pub(super) fn users(&self) -> &Users {
        self.users.get_or_init(Users::of_system)
    }

    /// The ports that the system hands out.
    pub(super) fn ports(&self) -> RangeInclusive<u16> {
        self.ports.get_or_init(services::ephemeral_range).clone()
    }
}
