//! The services that everybody writes by name: what a bare list shows, and what a mistyped word most likely meant.
//!
//! Which port they have the other sources say; here it only tells apart services that share a name.

/// Name, port and protocols.
pub(super) const SERVICES: &[(&str, u16, &[&str])] = &[
    ("echo", 7, BOTH),
    ("discard", 9, BOTH),
    ("daytime", 13, BOTH),
    ("chargen", 19, BOTH),
    ("ftp-data", 20, TCP),
    ("ftp", 21, TCP),
    ("ssh", 22, TCP),
    ("telnet", 23, TCP),
    ("smtp", 25, TCP),
    ("time", 37, BOTH),
    ("whois", 43, TCP),
    ("domain", 53, BOTH),
    ("bootps", 67, UDP),
    ("bootpc", 68, UDP),
    ("tftp", 69, UDP),
    ("gopher", 70, TCP),
    ("finger", 79, TCP),
    ("http", 80, TCP),
    ("kerberos", 88, BOTH),
    ("pop3", 110, TCP),
    ("sunrpc", 111, BOTH),
    ("nntp", 119, TCP),
    ("ntp", 123, UDP),
    ("imap", 143, TCP),
    ("snmp", 161, UDP),
    ("bgp", 179, TCP),
    ("ldap", 389, BOTH),
    ("https", 443, BOTH),
    ("submissions", 465, TCP),
    ("syslog", 514, UDP),
    ("submission", 587, TCP),
    ("ipp", 631, TCP),
    ("ldaps", 636, TCP),
    ("domain-s", 853, BOTH),
    ("rsync", 873, TCP),
    ("ftps", 990, TCP),
    ("imaps", 993, TCP),
    ("pop3s", 995, TCP),
    ("socks", 1080, TCP),
    ("mqtt", 1883, TCP),
    ("mysql", 3306, TCP),
    ("sip", 5060, BOTH),
    ("postgresql", 5432, TCP),
    ("amqp", 5672, TCP),
    ("redis", 6379, TCP),
    ("mongodb", 27017, TCP),
];

const BOTH: &[&str] = &["tcp", "udp"];
const TCP: &[&str] = &["tcp"];
const UDP: &[&str] = &["udp"];
