//! A relay in this process, put together from the library's public parts as the command does it.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sockeye::endpoint::{Carrier, Host, Port};
use sockeye::net::{Arrival, Incoming, Limits, Net, serve};
use sockeye::relay::{JoinOptions, Joined, Service, join};
use sockeye::wire::Side;
use sockeye::{Endpoint, Error, Result};
use sockeye_testkit::LIMIT;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The runtime that all relays of this process share.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// How a relay works; the default is that of the command.
#[derive(Clone, Default)]
pub(crate) struct Setup {
    pub(crate) net: Net,
    pub(crate) limits: Limits,
    pub(crate) options: JoinOptions,
}

/// What became of an arrival.
#[derive(Debug)]
pub(crate) enum Outcome {
    Joined(Box<Joined>),
    Failed(Error),
    Full,
}

/// A relay, or another server, that runs until it is dropped.
pub(crate) struct Relay {
    pub(crate) listening: Vec<Endpoint>,
    opened: Receiver<()>,
    outcomes: Receiver<Outcome>,
    pub(crate) stop: CancellationToken,
}

/// What a server does with whoever arrived.
#[derive(Clone)]
enum Then {
    Target(Box<Endpoint>),
    Service(Service),
}

impl Relay {
    /// Relay from here to there.
    pub(crate) fn start(listen: &str, target: &str, setup: Setup) -> Self {
        let target = target.parse().unwrap();
        Self::serve(listen, Then::Target(Box::new(target)), setup).unwrap()
    }

    /// Answer with this service.
    pub(crate) fn service(listen: &str, service: Service, setup: Setup) -> Result<Self> {
        Self::serve(listen, Then::Service(service), setup)
    }

    fn serve(listen: &str, then: Then, setup: Setup) -> Result<Self> {
        let net = setup.net.program_groups(true);
        let listener = runtime().block_on(net.listen(&listen.parse()?))?;
        let listening = listener.addresses().to_vec();
        let (opened, opened_here) = mpsc::channel();
        let (outcomes, outcomes_here) = mpsc::channel();
        let stop = CancellationToken::new();
        let mut options = setup.options;
        options.stop = Some(stop.clone());
        let work = Arc::new((net, then, options));
        let serving = serve(listener, setup.limits, stop.clone(), move |arrival| {
            let (work, opened, outcomes) = (Arc::clone(&work), opened.clone(), outcomes.clone());
            async move {
                let outcome = match arrival {
                    Arrival::Accepted(incoming) => carry(incoming, &work, &opened).await,
                    Arrival::Failed(error) => Outcome::Failed(error),
                    _ => Outcome::Full,
                };
                // A test that does not ask any more has ended.
                drop(outcomes.send(outcome));
            }
        });
        runtime().spawn(serving);
        Ok(Self {
            listening,
            opened: opened_here,
            outcomes: outcomes_here,
            stop,
        })
    }

    /// The first address that it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        socket_addr(&self.listening[0])
    }

    /// Wait until both sides of a conversation are open.
    pub(crate) fn wait_open(&self) {
        if self.opened.recv_timeout(LIMIT).is_err() {
            panic!("not opened: {:?}", self.outcomes.try_recv());
        }
    }

    /// Wait until an arrival was dealt with.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcomes
            .recv_timeout(LIMIT)
            .expect("a conversation that ends")
    }

    /// Wait until a conversation is over.
    pub(crate) fn joined(&self) -> Joined {
        match self.outcome() {
            Outcome::Joined(joined) => *joined,
            Outcome::Failed(error) => panic!("{error}"),
            Outcome::Full => panic!("turned away"),
        }
    }

    /// Whether no conversation ends within this time.
    pub(crate) fn goes_on(&self, time: Duration) -> bool {
        matches!(
            self.outcomes.recv_timeout(time),
            Err(RecvTimeoutError::Timeout)
        )
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn carry(
    incoming: Incoming,
    work: &(Net, Then, JoinOptions),
    opened: &mpsc::Sender<()>,
) -> Outcome {
    let (net, then, options) = work;
    let net = net.for_conversation(incoming.connection(), Side::Outbound);
    let inbound = match incoming.handshake_as(Side::Inbound).await {
        Ok(inbound) => inbound,
        Err(error) => return Outcome::Failed(error),
    };
    let outbound = match then {
        Then::Service(service) => service.link_for(&inbound),
        Then::Target(target) => match net.open(target).await {
            Ok(outbound) => outbound,
            Err(error) => {
                inbound.abort();
                return Outcome::Failed(error);
            }
        },
    };
    let _ = opened.send(());
    Outcome::Joined(Box::new(join(inbound, outbound, options).await))
}

/// The socket address of an endpoint that has one.
pub(crate) fn socket_addr(endpoint: &Endpoint) -> SocketAddr {
    match endpoint.carrier() {
        Carrier::Tcp(at) | Carrier::Udp(at) => match (&at.host, &at.port) {
            (Host::Ip { addr, .. }, Port::Number(port)) => SocketAddr::new(*addr, *port),
            _ => panic!("{endpoint} is not bound"),
        },
        _ => panic!("{endpoint} has no socket address"),
    }
}

/// A loopback address (127.0.0.0/8) that no other process of these tests uses, so that its ports stay free.
pub(crate) fn own_loopback() -> IpAddr {
    let pid = std::process::id();
    let [_, high, middle, low] = pid.to_be_bytes();
    // 127.0.x.x is for everybody.
    IpAddr::from([127, 64 + high % 64, middle, low.clamp(1, 254)])
}

const ALONE: &str = "SOCKEYE_TEST_ALONE";

/// Run a test in a process of its own, after these words of the shell: for what counts descriptors, or limits them.
///
/// `name` is the full name of the calling test.
pub(crate) fn alone(name: &str, before: &str, body: fn()) {
    if is_alone(name) {
        return body();
    }
    let output = again(name, before).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{name} on its own: {}\n{said}",
        output.status
    );
}

/// Whether this process was started by [`again`] for this test.
pub(crate) fn is_alone(name: &str) -> bool {
    std::env::var(ALONE).is_ok_and(|asked| asked == name)
}

/// This test binary once more, for this test alone.
pub(crate) fn again(name: &str, before: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(ALONE, name);
    command
}

/// How many descriptors this process has open.
pub(crate) fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Ask again until it is so, at most for the usual limit.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let (_keep, never) = mpsc::channel::<()>();
    let until = std::time::Instant::now() + LIMIT;
    while !holds() {
        assert!(std::time::Instant::now() < until, "{what}");
        let _ = never.recv_timeout(Duration::from_millis(5));
    }
}
