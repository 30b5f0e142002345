//! Who holds a port, in the words of a hint: the process behind a listening socket, as far as it can be seen.

use sockeye_data::escape::escape;

use super::process::Owners;
use super::socket::{Protocol, Protocols, State, States};
use super::table::{OwnerSearch, Request};

/// The process that holds a TCP port, as `name (pid 17)`, if it can be seen: one that listens before one that has only
/// bound it.
pub(crate) fn of_tcp_port(port: u16) -> Option<String> {
    let states = [State::Listening, State::Bound, State::Unconnected];
    let table = Request::new()
        .protocols(Protocols::only(Protocol::Tcp))
        .states(states.into_iter().collect::<States>())
        .local_port(port)
        .owners(OwnerSearch::First)
        .read()
        .ok()?;
    let held = |listening: bool| {
        let sockets = table.sockets.iter();
        sockets
            .filter(|socket| socket.is_listener() == listening)
            .find_map(|socket| match table.owners(socket) {
                Owners::Held(holders) => Some(table.process(holders.first()?)),
                Owners::Missing(_) => None,
            })
    };
    let process = held(true).or_else(|| held(false))?;
    Some(format!("{} (pid {})", escape(&process.name), process.pid))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn our_own_listener_is_ours() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let owner = of_tcp_port(listener.local_addr().unwrap().port()).unwrap();
        let end = format!(" (pid {})", std::process::id());
        assert!(owner.ends_with(&end), "{owner}");
    }

    #[test]
    fn nobody_holds_a_port_that_was_given_back() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        assert_eq!(of_tcp_port(port), None);
    }
}
