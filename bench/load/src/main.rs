//! Load for the benchmarks: the same client and the same backend for every contestant.
//!
//! ```text
//! sockeye-load pingpong ADDR COUNT SIZE        round trips on one connection, in microseconds
//! sockeye-load connrate ADDR COUNT SECONDS N   connections one after another in N threads: open, one byte there and
//!                                              back, close; until COUNT are done or SECONDS are over
//! sockeye-load idle ADDR COUNT                 open so many, say "ready", hold them until stdin ends
//! sockeye-load echo                            backend: say the address, echo every connection
//! sockeye-load hold                            backend: say the address, accept and hold every connection
//! ```

use std::io::{self, BufRead, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Connections that the echo backend serves at once.
const ECHO_THREADS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["pingpong", addr, count, size] => pingpong(addr.parse()?, count.parse()?, size.parse()?),
        ["connrate", addr, count, seconds, threads] => {
            let limit = Duration::from_secs_f64(seconds.parse()?);
            connrate(addr.parse()?, count.parse()?, limit, threads.parse()?)
        }
        ["idle", addr, count] => idle(addr.parse()?, count.parse()?),
        ["echo"] => echo(),
        ["hold"] => hold(),
        _ => Err("see the top of bench/load/src/main.rs for what it understands".into()),
    }
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&addr, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn pingpong(addr: SocketAddr, count: usize, size: usize) -> Outcome {
    let mut stream = connect(addr)?;
    let (ping, mut pong) = (vec![b'x'; size], vec![0; size]);
    let mut times = Vec::with_capacity(count);
    // The first tenth warms up.
    for number in 0..count + count / 10 {
        let start = Instant::now();
        stream.write_all(&ping)?;
        stream.read_exact(&mut pong)?;
        if number >= count / 10 {
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{{\"median_us\": {:.2}, \"p99_us\": {:.2}}}",
        at(0.5),
        at(0.99)
    );
    Ok(())
}

fn connrate(addr: SocketAddr, count: u64, limit: Duration, threads: usize) -> Outcome {
    let (begun, done, failed) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while start.elapsed() < limit && begun.fetch_add(1, Ordering::Relaxed) < count {
                    let tally = if once(addr).is_ok() { &done } else { &failed };
                    tally.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    let done = done.into_inner();
    println!(
        "{{\"per_second\": {:.1}, \"done\": {done}, \"failed\": {}}}",
        done as f64 / seconds,
        failed.into_inner()
    );
    Ok(())
}

fn once(addr: SocketAddr) -> io::Result<()> {
    let mut stream = connect(addr)?;
    stream.write_all(b"x")?;
    stream.read_exact(&mut [0])?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // The server closes too: a connection counts when it is over on both sides.
    stream.read(&mut [0]).map(drop)
}

fn idle(addr: SocketAddr, count: usize) -> Outcome {
    let streams: io::Result<Vec<_>> = (0..count).map(|_| connect(addr)).collect();
    let streams = streams?;
    println!("ready {}", streams.len());
    io::stdin().lock().read_line(&mut String::new())?;
    Ok(())
}

fn announce() -> io::Result<Arc<TcpListener>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    Ok(Arc::new(listener))
}

fn echo() -> Outcome {
    let listener = announce()?;
    let threads = (0..ECHO_THREADS).map(|_| {
        let listener = listener.clone();
        thread::spawn(move || {
            let mut buf = vec![0; 64 * 1024];
            while let Ok((mut stream, _)) = listener.accept() {
                // A client that breaks off ends its own conversation only.
                let _ = stream.set_nodelay(true);
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    if stream.write_all(&buf[..n]).is_err() {
                        break;
                    }
                }
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        drop(thread.join());
    }
    Ok(())
}

fn hold() -> Outcome {
    let listener = announce()?;
    let mut held = Vec::new();
    for stream in listener.incoming() {
        held.push(stream?);
    }
    Ok(())
}
