//! The second half of a run: from the files of a run directory to the analysis, live or years later.

use super::directory::RunDirectory;
use super::journal;
use crate::analysis::history;
use crate::analysis::provenance::Provenance;
use crate::analysis::results::{self, Results};
use crate::error::Result;
use crate::host::Progress;

pub struct Loaded {
    pub run: history::Run,
    pub results: Results,
    pub provenance: Provenance,
}

/// Reads manifest and journal, and computes everything from them.
pub fn load(directory: &RunDirectory, progress: &Progress) -> Result<Loaded> {
    let provenance = Provenance::of(&directory.manifest()?);
    let (run, torn) = journal::read(&directory.journal()?, |lines| history::Run::from_lines(lines))?;
    if torn {
        progress.warning("the last line of the journal is torn and was dropped");
    }
    let results = results::analyse(&run, provenance.simulated);
    Ok(Loaded { run, results, provenance })
}
