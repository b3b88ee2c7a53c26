//! `cprun check SCRIPT…`, and the check that every run and expression goes through first.

use clap::Args;

use super::exit;
use crate::error::{Kind, Result};
use crate::host::Host;
use crate::script::{self, Checker, Finding, Severity, Source};

#[derive(Args)]
#[group(id = "check-arguments")]
pub struct Arguments {
    /// The scripts, paths or those that come with cprun
    #[arg(required = true, value_name = "SCRIPT")]
    scripts: Vec<String>,
    /// Print one JSON array of all findings
    #[arg(long)]
    json: bool,
}

pub fn check(host: &Host, arguments: &Arguments) -> Result<u8> {
    let checker = Checker::new(host);
    let mut codes = vec![0];
    let mut all = Vec::new();
    for script in &arguments.scripts {
        match Source::open(host, script) {
            Ok(source) => {
                let findings = checker.check(&source);
                if findings.is_empty() && !arguments.json {
                    host.stdout.write(&format!("{script}: ok\n"));
                }
                all.extend(findings);
            }
            // The others are checked all the same.
            Err(error) => codes.push(super::told(host, &error)),
        }
    }
    if arguments.json {
        let all: Vec<serde_json::Value> = all.iter().map(Finding::json).collect();
        host.stdout.write(&format!("{}\n", serde_json::Value::Array(all)));
    } else if !all.is_empty() {
        host.stdout.write(&format!("{}\n\n{}\n", shown(&all), script::summary(&all)));
    }
    codes.push(code(&all));
    Ok(exit::worst(&codes))
}

/// The check before a run: tells on stderr what it found, and gives the exit code that stops the run.
pub fn first(host: &Host, source: &Source) -> Option<u8> {
    let findings = Checker::new(host).check(source);
    if findings.is_empty() {
        return None;
    }
    host.progress.print(&shown(&findings));
    let code = code(&findings);
    if code == 0 {
        return None;
    }
    host.progress.print(&format!("\n{}", script::summary(&findings)));
    Some(code)
}

fn shown(findings: &[Finding]) -> String {
    findings.iter().map(script::render_finding).collect::<Vec<_>>().join("\n\n")
}

fn code(findings: &[Finding]) -> u8 {
    let wrong = findings.iter().any(|finding| finding.severity == Severity::Error);
    if wrong { exit::of_error(Kind::Script) } else { 0 }
}
