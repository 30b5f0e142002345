//! The sockets that are looked for, by inode: found in one step, and marked as found from several threads at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A hash table of fixed size that is at most half full. Inode 0 is no socket and marks a free place.
#[derive(Debug)]
pub(super) struct Inodes {
    slots: Vec<Slot>,
    /// How many upper bits of a product are not part of the index.
    shift: u32,
    left: AtomicUsize,
}

#[derive(Debug, Default)]
struct Slot {
    inode: u64,
    uid: Option<u32>,
    found: AtomicBool,
}

impl Inodes {
    /// These inodes, each with the user of its socket where that is known. Those that are there twice count once.
    pub(super) fn new(wanted: impl IntoIterator<Item = (u64, Option<u32>)>) -> Self {
        let wanted: Vec<_> = wanted
            .into_iter()
            .filter(|(inode, _)| *inode != 0)
            .collect();
        let size = (wanted.len() * 2).next_power_of_two().max(8);
        let mut inodes = Self {
            slots: std::iter::repeat_with(Slot::default).take(size).collect(),
            shift: u64::BITS - size.ilog2(),
            left: AtomicUsize::new(0),
        };
        for (inode, uid) in wanted {
            let at = inodes.place(inode);
            let slot = &mut inodes.slots[at];
            if slot.inode == 0 {
                slot.inode = inode;
                slot.uid = uid;
                *inodes.left.get_mut() += 1;
            }
        }
        inodes
    }

    /// Whether this socket is looked for. If so it counts as found from now on.
    pub(super) fn take(&self, inode: u64) -> bool {
        if inode == 0 {
            return false;
        }
        let slot = &self.slots[self.place(inode)];
        if slot.inode != inode {
            return false;
        }
        if !slot.found.load(Ordering::Relaxed) && !slot.found.swap(true, Ordering::Relaxed) {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        true
    }

    /// How many have not been found yet.
    pub(super) fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// Those that have not been found yet.
    pub(super) fn missing(&self) -> impl Iterator<Item = (u64, Option<u32>)> + '_ {
        self.slots
            .iter()
            .filter(|slot| slot.inode != 0 && !slot.found.load(Ordering::Relaxed))
            .map(|slot| (slot.inode, slot.uid))
    }

    /// Where this inode stands, or the free place where it would. There is one: the table is at most half full.
    fn place(&self, inode: u64) -> usize {
        // The multiplier of Fibonacci hashing (Knuth 6.4): inodes are handed out in a row, and this spreads rows.
        let mut at = (inode.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize;
        while self.slots[at].inode != 0 && self.slots[at].inode != inode {
            at = (at + 1) & (self.slots.len() - 1);
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_inode_is_found_once_and_strangers_never() {
        let inodes = Inodes::new(
            (1..=10_000)
                .map(|n| (n * 3, Some(7)))
                .chain([(3, None), (0, None)]),
        );
        assert_eq!(inodes.left(), 10_000);
        assert!(!inodes.take(0) && !inodes.take(4) && !inodes.take(u64::MAX));
        assert!(inodes.take(3) && inodes.take(3));
        assert_eq!(inodes.left(), 9_999);
        assert!((2..=10_000).all(|n| inodes.take(n * 3)));
        assert_eq!((inodes.left(), inodes.missing().count()), (0, 0));
    }

    #[test]
    fn what_is_missing_keeps_its_user() {
        let inodes = Inodes::new([(5, Some(1000)), (6, None)]);
        assert!(inodes.take(6));
        assert_eq!(inodes.missing().collect::<Vec<_>>(), [(5, Some(1000))]);
        assert_eq!(Inodes::new([]).left(), 0);
        assert!(!Inodes::new([]).take(1));
    }
}
