//! Puts `scripts/`, `stdlib/` and the sources of `jobs/` into the binary, so that it works in any folder.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let mut files = Vec::new();
    for folder in ["scripts", "stdlib", "jobs"] {
        println!("cargo:rerun-if-changed={folder}");
        collect(&root, &root.join(folder), &mut files);
    }
    files.sort();
    assert!(files.iter().any(|file| file == "stdlib/experiment.rhai"), "no stdlib below {}", root.display());
    let mut table = String::from(
        "/// Path below the root of the project, and content.\npub static EMBEDDED: &[(&str, &[u8])] = &[\n",
    );
    for file in files {
        writeln!(table, "    ({file:?}, include_bytes!({:?})),", root.join(&file)).expect("a string takes it");
    }
    table.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("embedded.rs"), table).expect("OUT_DIR is writable");
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // `target` is Maven's output, where someone built a job by hand.
        if path.is_dir() && entry.file_name() != "target" {
            println!("cargo:rerun-if-changed={}", path.display());
            collect(root, &path, files);
        } else if path.is_file() {
            let relative = path.strip_prefix(root).expect("below the root");
            files.push(relative.to_str().expect("names in the repository are UTF-8").to_owned());
        }
    }
}
