//! `cprun doc [NAME]`: the reference of the script language.

use clap::Args;

use crate::error::Result;
use crate::host::Host;
use crate::script::reference;

#[derive(Args)]
#[group(id = "doc-arguments")]
#[command(after_help = "\
Examples:
  cprun doc                                  everything, a line each
  cprun doc fault::every                     one function; `cprun doc every` finds it too
  cprun doc fault                            a module, and the value of that name
  cprun doc units                            durations and sizes
  cprun doc --definitions > cprun.d.rhai     for the Rhai language server")]
pub struct Arguments {
    /// A function, a module, a value that functions return, an option, or a unit
    name: Option<String>,
    /// The whole reference as Markdown
    #[arg(long, conflicts_with_all = ["name", "definitions"])]
    markdown: bool,
    /// A .d.rhai, with which editors complete and explain
    #[arg(long, conflicts_with = "name")]
    definitions: bool,
}

pub fn doc(host: &Host, arguments: &Arguments) -> Result<u8> {
    let text = match &arguments.name {
        _ if arguments.markdown => reference::markdown(),
        _ if arguments.definitions => reference::definitions(),
        Some(name) => reference::find(name)?,
        None => reference::overview(),
    };
    host.stdout.write(&format!("{}\n", text.trim_end()));
    Ok(0)
}
