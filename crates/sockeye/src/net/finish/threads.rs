//! Threads that wait for programs: as many as run at once, kept for the next ones.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::{Error, Operation, Result};
use crate::host::owners::Stat;

/// What the wait for a program needs of a stack: few frames, and no buffers.
const STACK: usize = 256 << 10;
/// Bytes that are read at once: what a pipe holds.
const BLOCK: usize = 64 << 10;

/// What a thread does next.
pub(super) type Errand = Box<dyn FnOnce(&mut Thread) + Send>;

/// All of them.
#[derive(Default)]
pub(super) struct Threads(Arc<Shared>);

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} threads", self.0.lock().threads)
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wanted: Condvar,
    running: Mutex<HashSet<u32>>,
}

#[derive(Default)]
struct Queue {
    errands: VecDeque<Errand>,
    threads: usize,
    idle: usize,
    is_over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread keeps between programs.
pub(super) struct Thread {
    /// Wakes its poll(2).
    pub(super) wake: Arc<OwnedFd>,
    /// What is read goes here first.
    pub(super) block: Vec<u8>,
    shared: Arc<Shared>,
}

impl Thread {
    fn new(shared: Arc<Shared>) -> std::io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            wake: Arc::new(eventfd(0, flags)?),
            block: vec![0; BLOCK],
            shared,
        })
    }

    /// A program runs, in a group of this number.
    pub(super) fn begun(&self, pid: u32) {
        self.shared.running().insert(pid);
    }

    /// It has ended.
    pub(super) fn ended(&self, pid: u32) {
        self.shared.running().remove(&pid);
    }
}

impl Threads {
    /// Do this on a thread that is idle, or on a new one.
    pub(super) fn run(&self, errand: Errand) -> Result<()> {
        let mut queue = self.0.lock();
        queue.errands.push_back(errand);
        if queue.errands.len() <= queue.idle {
            drop(queue);
            self.0.wanted.notify_one();
            return Ok(());
        }
        queue.threads += 1;
        drop(queue);
        let begun = Thread::new(self.0.clone()).and_then(|thread| {
            let builder = thread::Builder::new()
                .name("program".into())
                .stack_size(STACK);
            builder.spawn(move || work(thread))
        });
        let Err(error) = begun else { return Ok(()) };
        let mut queue = self.0.lock();
        queue.threads -= 1;
        // The others come to it when they are done.
        if queue.threads > 0 {
            return Ok(());
        }
        queue.errands.pop_back();
        Err(Error::from_io(Operation::Run, error))
    }

    /// Kill all groups.
    pub(super) fn kill_all(&self) {
        for pid in self.0.running().iter() {
            signal(*pid, Signal::KILL);
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.wanted.notify_all();
    }
}

/// Errand after errand, until there are no more.
fn work(mut thread: Thread) {
    let shared = thread.shared.clone();
    let mut queue = shared.lock();
    loop {
        if let Some(errand) = queue.errands.pop_front() {
            drop(queue);
            errand(&mut thread);
            queue = shared.lock();
        } else if queue.is_over {
            return;
        } else {
            queue.idle += 1;
            queue = shared
                .wanted
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }
}

/// Tell the group that this program leads. It may have ended: that is no matter.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = group(pid) {
        let _ = kill_process_group(pid, signal);
    }
}

/// The group that this program leads, which is never everybody or ourselves.
pub(super) fn group(pid: u32) -> Option<Pid> {
    i32::try_from(pid)
        .ok()
        .filter(|pid| *pid > 1)
        .and_then(Pid::from_raw)
}

/// Whether one of this group has not ended; if /proc does not tell, it has not.
pub(super) fn has_living(group: Pid) -> bool {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return true;
    };
    processes.flatten().any(|process| {
        let stat = std::fs::read(process.path().join("stat")).unwrap_or_default();
        Stat::parse(&stat).is_some_and(|it| it.group == group.as_raw_pid() && !it.ended)
    })
}
