//! A name server on loopback that answers from a table, and a directory with the files of a machine that asks it.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use sockeye_testkit::temporary_dir;

/// What is said about one name and type.
#[derive(Clone)]
pub(crate) enum Say {
    /// These records, each with its type and data.
    Records(Vec<(u16, Vec<u8>)>),
    /// This response code.
    Code(u8),
    /// Nothing at all.
    Silence,
}

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const PTR: u16 = 12;
pub(crate) const MX: u16 = 15;
pub(crate) const TXT: u16 = 16;
pub(crate) const AAAA: u16 = 28;

/// A name as it travels: labels with their lengths.
pub(crate) fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// Data of a TXT record with one string.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()], bytes].concat()
}

/// A table of names: what is not in it does not exist.
#[derive(Clone, Default)]
pub(crate) struct Table(Vec<(String, Say)>);

impl Table {
    /// A name with addresses, of either family.
    pub(crate) fn host(self, name: &str, addresses: &[&str]) -> Self {
        let records = addresses.iter().map(|text| match text.parse().unwrap() {
            IpAddr::V4(v4) => (A, v4.octets().to_vec()),
            IpAddr::V6(v6) => (AAAA, v6.octets().to_vec()),
        });
        self.say(name, Say::Records(records.collect()))
    }

    /// A name with these records.
    pub(crate) fn records(self, name: &str, records: impl Into<Vec<(u16, Vec<u8>)>>) -> Self {
        self.say(name, Say::Records(records.into()))
    }

    pub(crate) fn say(mut self, name: &str, say: Say) -> Self {
        self.0.push((name.to_owned(), say));
        self
    }

    pub(crate) fn serve(self) -> TableServer {
        TableServer::start(self)
    }

    /// The answer to a query; `None` for silence.
    fn answer(
        &self,
        query: &[u8],
        over_udp: bool,
        asked: &Mutex<Vec<(String, u16)>>,
    ) -> Option<Vec<u8>> {
        let mut name = String::new();
        let mut at = 12;
        while query[at] != 0 {
            let end = at + 1 + usize::from(query[at]);
            if !name.is_empty() {
                name.push('.');
            }
            name += &String::from_utf8_lossy(&query[at + 1..end]).to_lowercase();
            at = end;
        }
        let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
        let question = &query[12..at + 5];
        asked.lock().unwrap().push((name.clone(), kind));
        let known = self.0.iter().find(|(known, _)| *known == name);
        let (code, records) = match known.map(|(_, say)| say.clone()) {
            None => (3, Vec::new()),
            Some(Say::Silence) => return None,
            Some(Say::Code(code)) => (code, Vec::new()),
            Some(Say::Records(records)) => (0, records),
        };
        let mut body = Vec::new();
        let mut count = 0u16;
        let mut owner = vec![0xc0, 12];
        for (its, data) in records {
            if its != kind && its != CNAME {
                continue;
            }
            let length = u16::try_from(data.len()).unwrap();
            body.extend(&owner);
            body.extend(its.to_be_bytes());
            body.extend([0, 1, 0, 0, 1, 44]);
            body.extend(length.to_be_bytes());
            body.extend(&data);
            count += 1;
            if its == CNAME {
                owner = data;
            }
        }
        let too_long = over_udp && body.len() > 1100;
        if too_long {
            (body, count) = (Vec::new(), 0);
        }
        let flags = [0x85 | if too_long { 2 } else { 0 }, 0x80 | code];
        let mut message = [&query[..2], &flags, &[0, 1]].concat();
        message.extend(count.to_be_bytes());
        message.extend([0, 0, 0, 0]);
        message.extend(question);
        message.extend(body);
        Some(message)
    }
}

/// The server of a table.
pub(crate) struct TableServer {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl TableServer {
    fn start(table: Table) -> Self {
        let (udp, tcp) = (0..20)
            .find_map(|_| {
                let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
                let tcp = TcpListener::bind(udp.local_addr().unwrap()).ok()?;
                Some((udp, tcp))
            })
            .unwrap();
        let address = udp.local_addr().unwrap();
        let (asked, stop) = (Arc::<Mutex<_>>::default(), Arc::new(AtomicBool::new(false)));
        let over_udp = {
            let (table, asked, stop) = (table.clone(), asked.clone(), stop.clone());
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok((length, peer)) = udp.recv_from(&mut buffer) {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    if let Some(answer) = table.answer(&buffer[..length], true, &asked) {
                        udp.send_to(&answer, peer).unwrap();
                    }
                }
            })
        };
        let over_tcp = {
            let (asked, stop) = (asked.clone(), stop.clone());
            std::thread::spawn(move || {
                while let Ok((mut stream, _)) = tcp.accept() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let mut length = [0; 2];
                    if stream.read_exact(&mut length).is_err() {
                        continue;
                    }
                    let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
                    stream.read_exact(&mut query).unwrap();
                    if let Some(answer) = table.answer(&query, false, &asked) {
                        let length = u16::try_from(answer.len()).unwrap().to_be_bytes();
                        stream.write_all(&[&length, &answer[..]].concat()).unwrap();
                    }
                }
            })
        };
        Self {
            address,
            asked,
            stop,
            threads: vec![over_udp, over_tcp],
        }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<(String, u16)> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for TableServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let waker = UdpSocket::bind("127.0.0.1:0").unwrap();
        waker.send_to(b"", self.address).unwrap();
        drop(TcpStream::connect(self.address));
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// The directory of a machine: its files are written by the test.
pub(crate) struct Etc(tempfile::TempDir);

impl Etc {
    /// A machine with this hosts file that asks this name server.
    pub(crate) fn new(hosts: &str, server: SocketAddr) -> Self {
        let etc = Self(temporary_dir());
        etc.file("hosts", hosts)
            .file("nsswitch.conf", "hosts: files dns\n")
            .file(
                "resolv.conf",
                &format!("nameserver [127.0.0.1]:{}\nsearch .\n", server.port()),
            )
    }

    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.0.path().join(name), text).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}
