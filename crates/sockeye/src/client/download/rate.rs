//! A rate that many transfers share.

use std::sync::{Arc, Mutex, PoisonError};

use crate::relay::Budget;

/// At most this many bytes a second, over everything that holds a clone of it.
///
/// Bytes pass in bursts of a tenth of a second's worth, and what was idle has saved up one burst, not more.
#[derive(Clone, Debug)]
pub struct Rate(Arc<Mutex<Budget>>);

impl Rate {
    /// So many bytes a second; 0 counts as 1.
    pub fn new(bytes_per_second: u64) -> Self {
        Self(Arc::new(Mutex::new(Budget::new(bytes_per_second.max(1)))))
    }

    /// So many bytes have passed: wait until the next may.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing: the bytes are counted.
    pub async fn passed(&self, bytes: u64) {
        let until = {
            // Nothing panics while the lock is held.
            let mut budget = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            budget.spend(usize::try_from(bytes).unwrap_or(usize::MAX));
            budget.paid_until()
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn two_transfers_share_the_rate() {
        let rate = Rate::new(1000);
        let began = Instant::now();
        let other = rate.clone();
        let carry = async |rate: Rate| {
            for _ in 0..50 {
                rate.passed(100).await;
            }
        };
        tokio::join!(carry(rate), carry(other));
        let seconds = began.elapsed().as_secs_f64();
        assert!((9.7..=10.1).contains(&seconds), "{seconds}");
    }
}
