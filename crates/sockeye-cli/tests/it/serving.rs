//! What the tests of servers share: start one, be its client.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};

use socket2::SockRef;
use sockeye_testkit::{LIMIT, Program};

pub(crate) const SOCKEYE: &str = env!("CARGO_BIN_EXE_sockeye");

/// The binary with these arguments.
pub(crate) fn sockeye<const N: usize>(args: [&str; N]) -> Program {
    Program::start(SOCKEYE, args)
}

/// Where a server listens.
pub(crate) fn address(server: &Program) -> SocketAddr {
    server.host_port().parse().unwrap()
}

/// A client whose waits have an end.
pub(crate) fn client(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect_timeout(&to, LIMIT).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.set_write_timeout(Some(LIMIT)).unwrap();
    stream
}

/// A client of datagrams.
pub(crate) fn udp_client(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
}

/// Say this, then the end, and hear the other side out.
pub(crate) fn ask(mut stream: TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    rest(stream)
}

/// What comes until the end.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    String::from_utf8_lossy(&heard).into_owned()
}

/// Exactly this comes next.
pub(crate) fn hear(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

/// Break the connection off.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(std::time::Duration::ZERO))
        .unwrap();
}
