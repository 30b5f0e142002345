//! What is handed to the kernel: never less than what is meant.

use proptest::prelude::*;

use super::{made, model};
use crate::host::diag::KernelQuery;
use crate::host::filter::{Filter, Pushdown};
use crate::host::socket::{Protocol, Socket};
use crate::host::table::{Namespace, Table};

fn table() -> Table {
    let ours = Namespace {
        inode: 1,
        ours: true,
        ..Namespace::default()
    };
    Table::from_parts(Vec::new(), Vec::new(), Vec::new(), vec![ours])
}

fn passes(down: &Pushdown, socket: &Socket) -> bool {
    let port = |wanted: Option<u16>, of: &crate::host::socket::Address| {
        wanted.is_none_or(|wanted| socket.protocol.has_ports() && of.port() == Some(wanted))
    };
    down.protocols.has(socket.protocol)
        && down.states.has(socket.state)
        && port(down.local_port, &socket.local)
        && port(down.peer_port, &socket.peer)
        && down
            .bytecode
            .as_ref()
            .is_none_or(|code| !socket.protocol.has_ports() || model::run(code, socket))
}

#[test]
fn what_the_kernel_can_tell_is_told_to_it() {
    let down = |text: &str| text.parse::<Filter>().unwrap().pushdown();
    let one = down("tcp listening sport = 443");
    assert!(one.exact, "{one:?}");
    assert!(one.protocols.has(Protocol::Tcp) && !one.protocols.has(Protocol::Udp));
    assert_eq!((one.states.mask(), one.local_port), (1 << 10, Some(443)));
    assert_eq!(one.bytecode, None);

    // A port alone excludes what has none.
    let port = down("dport = 443");
    assert!(port.protocols.has(Protocol::Udp) && !port.protocols.has(Protocol::UnixStream));
    assert!(port.exact);

    for exact in [
        "tcp and (sport = 80 or dport = 80)",
        "udp and src 10/8 and not dport 53",
        "tcp dst ::/0",
        "tcp non-loopback",
        "tcp ipv6 dev 2",
        "tcp family = inet sport 8000-8100",
        "udp autobound",
        "tcp established and wildcard or tcp established and loopback",
    ] {
        assert!(down(exact).exact, "{exact}: {:?}", down(exact));
        assert!(down(exact).bytecode.is_some(), "{exact}");
    }
    for open in [
        "tcp proc = nginx",
        "tcp dev = eth0",
        "tcp ipv4",
        "tcp rtt > 1ms",
    ] {
        assert!(!down(open).exact, "{open}");
    }
    let part = down("tcp dport 1000-2000 proc = nginx");
    assert!(part.bytecode.is_some() && !part.exact);
    let either = down("tcp (dport 1000-2000 or proc = nginx)");
    assert_eq!(either.bytecode, None);
    assert!(down("rtt > 1ms").protocols.has(Protocol::Tcp));
    assert!(!down("rtt > 1ms").protocols.has(Protocol::Udp));
    assert!(down("tcp udp").protocols.is_empty());
}

#[test]
fn a_device_by_name_is_told_by_its_index_where_the_namespace_is_known() {
    let filter: Filter = "tcp and dev = eth*".parse().unwrap();
    assert_eq!(filter.pushdown().bytecode, None);
    let names = [(1, "lo"), (3, "eth1"), (2, "eth0")];
    let devices = names.map(|(index, name)| (index, name.to_owned())).into();
    let query = filter.narrow(&KernelQuery::default(), Some(&devices));
    let by_index: Filter = "tcp and (dev = 2 or dev = 3)".parse().unwrap();
    assert_eq!(query.bytecode, by_index.pushdown().bytecode);
    assert!(query.bytecode.is_some());
    let none: Filter = "dev = wlan0".parse().unwrap();
    let query = none.narrow(&KernelQuery::default(), Some(&devices));
    assert!(!query.protocols.has(Protocol::Tcp));
}

#[test]
fn the_longest_filter_makes_a_program_that_the_kernel_takes() {
    let text = vec!["src 1::/8"; 300].join(" or ");
    let down = text.parse::<Filter>().unwrap().pushdown();
    model::audit(&down.bytecode.unwrap()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_kernel_withholds_nothing_that_is_meant(
        expr in made::expr(),
        sockets in proptest::collection::vec(made::socket(), 20),
    ) {
        let filter = Filter { expr };
        let down = filter.pushdown();
        if let Some(code) = &down.bytecode {
            model::audit(code).map_err(TestCaseError::fail)?;
        }
        let table = table();
        for socket in &sockets {
            let meant = filter.matches(&table, socket);
            let passes = passes(&down, socket);
            prop_assert!(passes || !meant, "{} lost {:?}", filter, socket);
            prop_assert!(!down.exact || meant == passes, "{} is not exact: {:?}", filter, socket);
        }
    }
}
