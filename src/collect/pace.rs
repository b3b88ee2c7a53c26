//! How often Flink is asked.
//!
//! The JobManager shares its cores with everything that is measured. So no poll begins before the previous one
//! has rested three times as long as it took, up to a second: on an idle JobManager the wanted step holds, a
//! busy one, or an answer that has grown with the history, is asked less often.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::error::Result;

const LONGEST_REST: Duration = Duration::from_secs(1);

pub(super) trait Poller: Send {
    /// One look. A request that fails is the poller's to write down; an error ends the polling.
    fn poll(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// Polls until `stop`; a poll that is under way then is given up.
pub(super) async fn keep_polling(mut poller: impl Poller, every: Duration, stop: CancellationToken) -> Result<()> {
    while let Some(polled) = stop.run_until_cancelled(once(&mut poller, every)).await {
        polled?;
    }
    Ok(())
}

async fn once(poller: &mut impl Poller, every: Duration) -> Result<()> {
    let started = Instant::now();
    poller.poll().await?;
    tokio::time::sleep(rest(started.elapsed(), every)).await;
    Ok(())
}

fn rest(took: Duration, every: Duration) -> Duration {
    every.saturating_sub(took).max((3 * took).min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_is_given_rest_but_never_more_than_a_second() {
        let every = Duration::from_millis(200);
        let rest_after = |took_ms| rest(Duration::from_millis(took_ms), every).as_millis();
        assert_eq!([5, 50, 100, 5000].map(rest_after), [195, 150, 300, 1000]);
    }
}
