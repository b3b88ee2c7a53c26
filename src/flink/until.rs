//! Waits until a job is in a state, whoever the JobManager is.

use std::time::Duration;

use tokio::time::Instant;

use super::{JobManager, is_terminal};
use crate::error::{Error, Result};

/// Flink's view of a job is as old as `web.refresh-interval`, 200 ms at best.
const POLL: Duration = Duration::from_millis(200);

/// The states that a job can be waited for; what is passed within moments could not be seen reliably.
pub const AWAITED: [&str; 5] = ["RUNNING", "RESTARTING", "FINISHED", "CANCELED", "FAILED"];

/// Waits until the job is in `wanted`, by which RUNNING means that all its tasks run; fails as soon as it has ended
/// in another state.
///
/// A question that is not answered does not end the wait: a JobManager under load drops one now and then.
pub async fn wait_until(flink: &dyn JobManager, job: &str, wanted: &str, within: Duration) -> Result<()> {
    let end = Instant::now() + within;
    loop {
        let seen = flink.job(job).await;
        if let Ok(seen) = &seen {
            if seen.state == wanted && (wanted != "RUNNING" || seen.all_tasks_run()) {
                return Ok(());
            }
            if is_terminal(&seen.state) {
                return Err(Error::trial(format!("job {job} has ended as {}, not as {wanted}", seen.state))
                    .hint("logs/ of the run directory tells why"));
            }
        }
        if Instant::now() >= end {
            let seconds = within.as_secs_f64();
            return Err(match seen {
                Ok(seen) => Error::trial(format!("job {job} is not {wanted} after {seconds} s: it is {}", seen.state)),
                Err(error) => error.context(format!("job {job} is not {wanted} after {seconds} s")),
            });
        }
        tokio::time::sleep(POLL).await;
    }
}
