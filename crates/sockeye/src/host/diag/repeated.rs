//! One row per socket: while the kernel walks its tables, a socket may move ahead of it and be told twice.

use crate::host::socket::Socket;

/// Drop rows from `start` on that tell of a socket a second time (its cookie says so). What was told last stays.
pub(super) fn drop_repeated(rows: &mut Vec<Socket>, start: usize) {
    let mut table = Table::for_rows(rows.len() - start);
    let mut repeated = Vec::new();
    for index in start..rows.len() {
        let Some(cookie) = rows[index].cookie else {
            continue;
        };
        if let Some(earlier) = table.put(cookie, index, rows) {
            rows.swap(earlier, index);
            repeated.push(index);
        }
    }
    if repeated.is_empty() {
        return;
    }
    let mut repeated = repeated.into_iter().peekable();
    let mut index = 0;
    rows.retain(|_| {
        let stays = repeated.next_if_eq(&index).is_none();
        index += 1;
        stays
    });
}

/// Rows by cookie: open addressing, at most half full, 0 is empty. (Twice as quick as a `HashSet`, and this runs for
/// every row of every list.)
struct Table {
    slots: Vec<u32>,
    shift: u32,
}

impl Table {
    fn for_rows(rows: usize) -> Self {
        let bits = (2 * rows.max(4)).next_power_of_two().trailing_zeros();
        Self {
            slots: vec![0; 1 << bits],
            shift: 64 - bits,
        }
    }

    /// Note this row, unless there is one with this cookie: that one is returned then.
    fn put(&mut self, cookie: u64, row: usize, rows: &[Socket]) -> Option<usize> {
        /// 2^64 divided by the golden ratio: spreads neighbours.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let mask = self.slots.len() - 1;
        let mut slot = (cookie.wrapping_mul(SPREAD) >> self.shift) as usize;
        loop {
            match self.slots[slot] {
                0 => {
                    self.slots[slot] = u32::try_from(row + 1).unwrap_or(0);
                    return None;
                }
                taken => {
                    let earlier = taken as usize - 1;
                    if rows[earlier].cookie == Some(cookie) {
                        return Some(earlier);
                    }
                }
            }
            slot = (slot + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::socket::{Protocol, State};

    fn row(cookie: Option<u64>, queue: u32) -> Socket {
        let mut socket = Socket::new(Protocol::Tcp, State::Established);
        socket.cookie = cookie;
        socket.receive_queue = queue;
        socket
    }

    fn told(rows: &[Socket]) -> Vec<(Option<u64>, u32)> {
        rows.iter()
            .map(|row| (row.cookie, row.receive_queue))
            .collect()
    }

    #[test]
    fn the_last_word_stays_in_the_first_place() {
        let cookies = [
            Some(7),
            None,
            Some(8),
            Some(7),
            Some(9),
            Some(8),
            Some(7),
            None,
        ];
        let mut rows: Vec<_> = (0..).zip(cookies).map(|(n, c)| row(c, n)).collect();
        drop_repeated(&mut rows, 0);
        let expected = [
            (Some(7), 6),
            (None, 1),
            (Some(8), 5),
            (Some(9), 4),
            (None, 7),
        ];
        assert_eq!(told(&rows), expected);
    }

    #[test]
    fn rows_before_the_start_are_left_alone() {
        let mut rows = vec![row(Some(1), 0), row(Some(1), 1), row(Some(1), 2)];
        drop_repeated(&mut rows, 1);
        assert_eq!(told(&rows), [(Some(1), 0), (Some(1), 2)]);
    }

    #[test]
    fn many_rows_with_neighbouring_cookies_stay_as_they_are() {
        let mut rows: Vec<_> = (0..5000)
            .map(|n| row(Some(u64::from(n) * 4096), n))
            .collect();
        let before = rows.clone();
        drop_repeated(&mut rows, 0);
        assert_eq!(rows, before);
    }
}
