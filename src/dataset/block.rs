//! The first rows of a data set as a plain file, for a job that reads them over and over by itself.
//!
//! No header, one row a line. It lies in the cache under a hash of what the data set is: a job may read it for as long
//! as its trial lasts, and the next trial and run read the same file.

use std::io::Write;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::store::Store;
use super::watch::{self, Watch};
use super::{Dataset, RowStream};
use crate::error::{Error, Result};

/// As many rows as the block has: 100 MB of trips, which the subtasks of the source share among them.
pub const BLOCK_ROWS: u64 = 1_000_000;

/// What a block holds, whether or not it lies somewhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockFacts {
    pub rows: u64,
    /// From its first event to its last.
    pub span_ms: i64,
}

impl BlockFacts {
    /// Rows to a millisecond of event time.
    #[must_use]
    pub fn rows_per_event_ms(&self) -> f64 {
        self.rows as f64 / self.span_ms.max(1) as f64
    }
}

impl Dataset {
    /// How many rows a block of it has, and how much event time. Blocks for some tens of milliseconds.
    ///
    /// Fails where there are no rows (script).
    pub fn block_facts(&self) -> Result<BlockFacts> {
        let mut stream = self.stream()?;
        let first = stream.skip()?.ok_or_else(|| self.without_rows())?;
        let (mut rows, mut last) = (1, first);
        while rows < BLOCK_ROWS {
            let Some(at) = stream.skip()? else { break };
            (rows, last) = (rows + 1, at);
        }
        Ok(BlockFacts { rows, span_ms: last - first })
    }

    /// The file of its block, written now if `cache` does not have it.
    pub fn block(&self, cache: &Path, watch: &mut Watch<'_>) -> Result<PathBuf> {
        let key = self.block_key()?;
        let write = |output: &mut dyn Write, watch: &mut Watch<'_>| write(&mut *self.stream()?, output, watch);
        Store::open(cache)?.generated(&key, watch, write)
    }

    fn block_key(&self) -> Result<String> {
        let account = serde_json::to_string(&self.account())
            .map_err(|error| Error::defect(format!("the account of a data set: {error}")))?;
        let hash = Sha256::digest(format!("{BLOCK_ROWS}\n{}\n{account}", self.header()));
        Ok(format!("block-{}", hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>()))
    }

    fn without_rows(&self) -> Error {
        Error::script(format!("{} has no rows", self.name())).hint("choose another period or file")
    }
}

fn write(stream: &mut dyn RowStream, output: &mut dyn Write, watch: &mut Watch<'_>) -> Result<()> {
    let failed = |error| Error::io("write the block of rows", error);
    let mut row = Vec::new();
    for written in 0..BLOCK_ROWS {
        if stream.next(&mut row)?.is_none() {
            break;
        }
        row.push(b'\n');
        output.write_all(&row).map_err(failed)?;
        watch::tick(watch, "writing the block of rows", written)?;
    }
    output.flush().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Period, unwatched};

    fn days(days: i64) -> Dataset {
        let from_epoch_ms = 1_672_531_200_000;
        let period = Period { from_epoch_ms, to_epoch_ms: from_epoch_ms + days * 86_400_000 };
        Dataset::generate(3, Some(period)).expect("a period")
    }

    #[test]
    fn a_block_holds_the_first_rows_as_they_stand_and_is_written_once() {
        let cache = tempfile::tempdir().expect("a folder");
        let dataset = days(1);
        let path = dataset.block(cache.path(), &mut unwatched).expect("written");
        let text = std::fs::read_to_string(&path).expect("it is there");
        let facts = dataset.block_facts().expect("there are rows");
        assert_eq!(text.lines().count() as u64, facts.rows);
        assert!(facts.rows < BLOCK_ROWS && facts.span_ms < 86_400_000, "{facts:?}");
        let mut row = Vec::new();
        let first = dataset.stream().expect("rows").next(&mut row).expect("rows");
        assert!(first.is_some() && text.as_bytes().starts_with(&row));
        let before = std::fs::metadata(&path).expect("it is there").modified().ok();
        assert_eq!(dataset.block(cache.path(), &mut unwatched).expect("known"), path);
        assert_eq!(std::fs::metadata(&path).expect("it is there").modified().ok(), before);
        assert_ne!(days(2).block_key().expect("a key"), dataset.block_key().expect("a key"));
    }

    #[test]
    fn a_long_data_set_is_cut_at_a_million_rows() {
        let facts = days(30).block_facts().expect("there are rows");
        assert_eq!(facts.rows, BLOCK_ROWS);
        // 107,700 trips a day, so that a million are nine to ten days.
        assert!((8.0..12.0).contains(&(facts.span_ms as f64 / 86_400_000.0)), "{facts:?}");
    }
}
