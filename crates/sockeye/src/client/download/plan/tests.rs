//! The plan against a simulated network: no sockets, no clock, and every run is the same again.

use std::collections::BTreeMap;

use super::*;

const MIB: u64 = 1 << 20;

/// Numbers that look random and are the same in every run (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (it ^ (it >> 31)) % below
    }
}

/// A network: what everything together may carry, what one connection carries, and how long until its first byte.
#[derive(Clone, Copy, Debug)]
struct Network {
    all: u64,
    each: u64,
    delay: Duration,
    /// One in so many steps breaks a connection; 0 for never.
    breaks: u64,
    /// The server takes so many connections.
    takes: usize,
}

struct Flow {
    at: u64,
    end: u64,
    from: Duration,
}

#[derive(Debug)]
struct Run {
    seconds: f64,
    most: usize,
    kept: usize,
    causes: Vec<Cause>,
}

fn bounds(segments: Segments) -> Bounds {
    Bounds {
        segments,
        from: 64 * MIB,
        least: MIB,
        most: 4,
    }
}

fn simulate(length: u64, done: Spans, bounds: Bounds, network: Network, seed: u64) -> Run {
    const STEP: Duration = Duration::from_millis(50);
    let mut seeded = Seeded(seed);
    let mut plan = Plan::new(length, done, bounds, false);
    let mut flows: BTreeMap<Id, Flow> = BTreeMap::new();
    let mut refused = Vec::new();
    let mut run = Run {
        seconds: 0.0,
        most: 0,
        kept: 1,
        causes: Vec::new(),
    };
    let mut now = Duration::ZERO;
    let mut acts = plan.begin(now);
    while !plan.is_complete() {
        let mut waiting: Vec<Act> = std::mem::take(&mut acts);
        while !waiting.is_empty() {
            for act in std::mem::take(&mut waiting) {
                match act {
                    Act::Open { id, range, cause } => {
                        run.causes.push(cause);
                        if flows.len() >= network.takes {
                            refused.push(id);
                        } else {
                            let from = now + network.delay;
                            flows.insert(
                                id,
                                Flow {
                                    at: range.start,
                                    end: range.end,
                                    from,
                                },
                            );
                        }
                    }
                    Act::Bound { id, end } => {
                        if let Some(flow) = flows.get_mut(&id) {
                            flow.end = end;
                        }
                    }
                    Act::Close { id, cause } => {
                        run.causes.push(cause);
                        flows.remove(&id).expect("what is closed was open");
                    }
                }
            }
            for id in refused.drain(..) {
                waiting.extend(plan.ended(id, Ended::Refused, now));
            }
        }
        assert!(
            flows.len() <= bounds.most as usize,
            "seed {seed}: {} at once",
            flows.len()
        );
        assert_eq!(flows.len(), plan.active.len(), "seed {seed}");
        run.most = run.most.max(flows.len());
        run.kept = plan.worth;
        let mut spans: Vec<_> = flows.values().map(|it| it.at.min(it.end)..it.end).collect();
        spans.extend(plan.pending.iter().cloned());
        spans.sort_by_key(|span| span.start);
        assert!(
            spans.windows(2).all(|it| it[0].end <= it[1].start),
            "seed {seed}: fetched twice: {spans:?}"
        );
        now += STEP;
        assert!(
            now < Duration::from_secs(3600),
            "seed {seed}: it never ends"
        );
        let ready = flows.values().filter(|flow| flow.from <= now).count() as u64;
        let share = network.each.min(network.all / ready.max(1)) / 20;
        for id in flows.keys().copied().collect::<Vec<_>>() {
            let Some(flow) = flows.get_mut(&id) else {
                continue;
            };
            if flow.from > now {
                continue;
            }
            let start = flow.at;
            flow.at = (flow.at + share).min(flow.end.max(flow.at));
            plan.received(id, start..flow.at, now);
            if flow.at >= flow.end {
                flows.remove(&id);
                acts.extend(plan.ended(id, Ended::Complete, now));
            } else if network.breaks > 0 && seeded.next(network.breaks) == 0 {
                flows.remove(&id);
                acts.extend(plan.ended(id, Ended::Broken, now));
            }
        }
        if plan.active.is_empty() && !plan.pending.is_empty() {
            // Nobody is left: after a pause it begins anew with what is missing.
            now += Duration::from_secs(1);
            plan = Plan::new(length, plan.done().clone(), bounds, false);
            acts = plan.begin(now);
        }
        acts.extend(plan.tick(now));
    }
    assert!(plan.done().missing(length).is_empty(), "seed {seed}");
    run.seconds = now.as_secs_f64();
    run
}

const STEADY: Network = Network {
    all: 100 * MIB,
    each: 10 * MIB,
    delay: Duration::from_millis(100),
    breaks: 0,
    takes: 64,
};

#[test]
fn where_one_connection_is_slow_more_are_kept() {
    let run = simulate(1 << 30, Spans::default(), bounds(Segments::Auto), STEADY, 1);
    assert_eq!((run.most, run.kept), (4, 4), "{run:?}");
    assert!(run.seconds < 34.0, "{run:?}");
}

#[test]
fn where_one_connection_takes_everything_there_is_one() {
    let network = Network {
        each: STEADY.all,
        ..STEADY
    };
    let run = simulate(
        2 << 30,
        Spans::default(),
        bounds(Segments::Auto),
        network,
        1,
    );
    assert_eq!((run.most, run.kept), (2, 1), "{run:?}");
    // What the trial left comes last, over the connection that stayed.
    let causes = [Cause::First, Cause::Trial, Cause::NoGain, Cause::Left];
    assert_eq!(run.causes, causes);
    assert!(run.seconds < 21.5, "{run:?}");
}

#[test]
fn small_files_and_those_that_are_done_soon_are_left_alone() {
    let small = simulate(
        63 * MIB,
        Spans::default(),
        bounds(Segments::Auto),
        STEADY,
        1,
    );
    let soon = simulate(
        128 * MIB,
        Spans::default(),
        bounds(Segments::Auto),
        Network {
            each: 50 * MIB,
            ..STEADY
        },
        1,
    );
    let off = simulate(1 << 30, Spans::default(), bounds(Segments::Off), STEADY, 1);
    for run in [small, soon, off] {
        assert_eq!(run.causes, [Cause::First], "{run:?}");
    }
}

#[test]
fn as_many_as_were_asked_for_begin_at_once() {
    let run = simulate(
        MIB,
        Spans::default(),
        bounds(Segments::Exactly(4)),
        STEADY,
        1,
    );
    assert_eq!(run.most, 4, "{run:?}");
    assert_eq!(
        run.causes[..4],
        [Cause::First, Cause::Forced, Cause::Forced, Cause::Forced]
    );
    let tiny = simulate(
        100,
        Spans::default(),
        bounds(Segments::Exactly(4)),
        STEADY,
        1,
    );
    assert_eq!(tiny.most, 1, "{tiny:?}");
}

#[test]
fn a_server_that_wants_no_more_connections_gets_no_more() {
    let network = Network { takes: 2, ..STEADY };
    for segments in [Segments::Auto, Segments::Exactly(4)] {
        let run = simulate(1 << 30, Spans::default(), bounds(segments), network, 1);
        assert_eq!(run.most, 2, "{run:?}");
    }
}

#[test]
fn whatever_breaks_everything_comes_once() {
    for seed in 0..300 {
        let mut seeded = Seeded(seed);
        let length = 1 + seeded.next(600 * MIB);
        let mut done = Spans::default();
        for _ in 0..seeded.next(6) {
            let start = seeded.next(length);
            done.add(start..(start + seeded.next(50 * MIB)).min(length));
        }
        let network = Network {
            all: (1 + seeded.next(200)) * MIB,
            each: (1 + seeded.next(100)) * MIB,
            delay: Duration::from_millis(seeded.next(4000)),
            breaks: [0, 40, 200][seeded.next(3) as usize],
            takes: 1 + seeded.next(6) as usize,
        };
        let segments = match seeded.next(3) {
            0 => Segments::Auto,
            1 => Segments::Off,
            _ => Segments::Exactly(1 + seeded.next(6) as u32),
        };
        simulate(length, done, bounds(segments), network, seed);
    }
}

#[test]
fn a_trial_that_stays_silent_is_given_up() {
    let network = Network {
        delay: Duration::from_secs(30),
        ..STEADY
    };
    let run = simulate(1 << 30, Spans::up_to(1), bounds(Segments::Auto), network, 1);
    assert_eq!(
        run.causes,
        [Cause::First, Cause::Trial, Cause::NoGain],
        "{run:?}"
    );
}
