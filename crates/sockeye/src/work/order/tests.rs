//! Whatever comes in any order comes out in one.

use std::io::Write;

use proptest::prelude::*;

use super::*;
use crate::work::{Ending, Input, Outcome};

fn done(index: u64, spill: &Spill, size: usize) -> Done {
    let mut gather = spill.gather();
    gather.write_all(&said(index, size)).unwrap();
    let mut outcome = match index % 5 {
        0 => Outcome::new(Ending::Exited(0)),
        1 => Outcome::new(Ending::Killed(9)),
        2 => Outcome::new(Ending::Failed("of no use".into())),
        3 => Outcome::new(Ending::TimedOut),
        _ => Outcome::new(Ending::NotFound("none".into())),
    };
    outcome.stderr = Blob::from(index.to_string());
    outcome.stdout = gather.finish();
    outcome.attempts = index as u32 + 1;
    outcome.deliveries = 7;
    outcome.worker = index
        .is_multiple_of(2)
        .then(|| "w".repeat(index as usize % 9));
    Done {
        input: Input {
            index,
            bytes: index.to_string().into(),
        },
        key: None,
        outcome,
        recorded: index.is_multiple_of(3),
    }
}

fn said(index: u64, size: usize) -> Vec<u8> {
    index
        .to_string()
        .into_bytes()
        .into_iter()
        .cycle()
        .take(size)
        .collect()
}

/// Push in this order; all must come out from 0 on, as they went in.
fn check(indices: &[u64], spill: &Spill, size: usize) {
    let mut order = Order::new(spill.clone());
    let mut out = Vec::new();
    for &index in indices {
        out.extend(order.push(done(index, spill, size)).unwrap());
        while let Some(done) = order.pop().unwrap() {
            out.push(done);
        }
        assert!(order.runs.len() <= MOST_RUNS + 1);
    }
    assert_eq!(out.len(), indices.len());
    for (index, got) in (0..).zip(&out) {
        let wanted = done(index, spill, size);
        assert_eq!(got.input.index, index);
        assert_eq!(got.input.bytes, wanted.input.bytes);
        assert_eq!(got.recorded, wanted.recorded);
        assert_eq!(got.outcome.ending, wanted.outcome.ending);
        assert_eq!(got.outcome.worker, wanted.outcome.worker);
        assert_eq!(got.outcome.attempts, wanted.outcome.attempts);
        assert_eq!(got.outcome.deliveries, 7);
        let mut stdout = Vec::new();
        got.outcome.stdout.write_to(&mut stdout).unwrap();
        assert!(stdout == said(index, size), "{index}");
        assert_eq!(
            got.outcome.stderr.as_bytes(),
            wanted.outcome.stderr.as_bytes()
        );
    }
    drop(out);
    assert!(order.tails.is_empty());
    drop(order);
    assert_eq!(spill.used(), 0, "no room is lost");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_and_any_bound(
        indices in Just((0..150u64).collect::<Vec<_>>()).prop_shuffle(),
        memory in prop_oneof![Just(0usize), 1usize..200_000],
        each in prop_oneof![Just(1usize << 16), 0usize..50],
        size in 0usize..200,
    ) {
        check(&indices, &Spill::default().with_memory(memory).with_each(each), size);
    }
}

#[test]
fn reversed_results_make_many_runs_which_are_merged() {
    let indices: Vec<u64> = (0..500).rev().collect();
    check(&indices, &Spill::default().with_memory(0), 3);
}

#[test]
fn nearly_ordered_results_make_one_run() {
    let spill = Spill::default().with_memory(20_000);
    let mut order = Order::new(spill.clone());
    for block in 0..1000u64 {
        for place in [3, 1, 0, 2] {
            let index = 1 + block * 4 + place;
            assert!(order.push(done(index, &spill, 5)).unwrap().is_none());
        }
        assert!(order.runs.len() <= 1, "at {block}");
    }
    assert!(order.early.len() < 100);
    assert!(spill.used() > 100_000);
    assert_eq!(
        order.push(done(0, &spill, 5)).unwrap().unwrap().input.index,
        0
    );
    for index in 1..=4000 {
        assert_eq!(order.pop().unwrap().unwrap().input.index, index);
    }
    assert!(order.pop().unwrap().is_none());
}

#[test]
fn results_larger_than_a_piece_pass_through_runs() {
    check(
        &[2, 1, 3, 0],
        &Spill::default().with_memory(0).with_each(1 << 20),
        200_000,
    );
}
