//! The process around `cprun::cli::main`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    cprun::cli::main(&cprun::host::Host::real(), &arguments)
}
