//! How whoever waits for minutes of reading sees that it goes on, and stops it.

use crate::error::Result;

/// Told now and then what is being done and how many rows of it are done; an error from it ends the work.
pub type Watch<'a> = dyn FnMut(&str, u64) -> Result<()> + 'a;

/// Rows between two calls: some 50 ms.
const EVERY: u64 = 1 << 16;

/// For work that nobody watches.
pub fn unwatched(_: &str, _: u64) -> Result<()> {
    Ok(())
}

/// Calls `watch` at every 65,536th row.
pub(super) fn tick(watch: &mut Watch<'_>, doing: &str, rows: u64) -> Result<()> {
    if rows.is_multiple_of(EVERY) { watch(doing, rows) } else { Ok(()) }
}
