//! The process around `cprun::cli::main`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// "A defect of cprun". The message of the panic is on stderr by then.
const DEFECT: u8 = 70;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let program = || cprun::cli::main(&cprun::host::Host::real(), &arguments);
    catch_unwind(AssertUnwindSafe(program)).unwrap_or(ExitCode::from(DEFECT))
}
