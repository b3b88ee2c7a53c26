//! `cprun dataset prepare|generate|describe`: trips in files, without an experiment.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::dataset::{self, Account, Bounds, Dataset, Period, Request, Survey};
use crate::error::{Error, Kind, Result};
use crate::host::Host;

#[derive(Args)]
#[command(after_help = "Files are TLC's: .csv, .csv.gz or .parquet. `cprun dataset prepare --help` shows examples.")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Clean and sort the trips of TLC files; tell what was dropped and why
    Prepare(Prepare),
    /// Write generated trips with New York's rhythm
    Generate(Generate),
    /// Tell what files hold
    Describe(Describe),
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cprun dataset prepare 'yellow_tripdata_2023-0*.parquet'
  cprun dataset prepare trips.csv.gz --from 2020-01-01 --to 2020-07-01 --output trips-sorted.csv
  cprun dataset prepare a.csv b.csv.gz --json

A row is kept unless it has the wrong number of fields (columns), an empty pickup time, pickup zone or total amount
(missing), one that cannot be read (time, number), a pickup outside [from, to) (range), or is no UTF-8 (encoding).")]
struct Prepare {
    #[command(flatten)]
    input: Input,
    /// Where the rows go; gzip where it ends in .gz [default: the cache, where a run finds them]
    #[arg(long, value_name = "OUT.csv")]
    output: Option<PathBuf>,
    /// Print the account as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cprun dataset generate --from 2023-01-01 --to 2023-01-08 --seed 7 --output week.csv
  cprun dataset generate --output half-year.csv.gz")]
struct Generate {
    /// First day, as 2023-01-31 [default: 2023-01-01]
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// Day after the last one [default: 2023-07-01]
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Equal seeds give equal trips
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the rows go; gzip where it ends in .gz [default: the cache]
    #[arg(long, value_name = "OUT.csv")]
    output: Option<PathBuf>,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  cprun dataset describe yellow_tripdata_2023-01.parquet
  cprun dataset describe trips.csv --from 2020-01-01 --to 2020-02-01
  cprun dataset describe data/*.csv.gz --json")]
struct Describe {
    #[command(flatten)]
    input: Input,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Input {
    /// TLC trip files, or patterns
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Earliest pickup that counts, as 2023-01-31 or '2023-01-31 06:30' [default: the months of the file names, else
    /// the 1st percentile of the pickup times]
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// First time after the latest pickup that counts [default: likewise, the 99th percentile]
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
}

impl Input {
    fn request(&self, host: &Host) -> Result<Request> {
        Ok(Request {
            files: dataset::files(&self.files, &host.directory, host.variable("HOME")).map_err(as_usage)?,
            bounds: Bounds::parse(self.from.as_deref(), self.to.as_deref()).map_err(as_usage)?,
            study: false,
        })
    }
}

/// What would be a fault of a script is one of the command line here.
fn as_usage(error: Error) -> Error {
    if error.kind == Kind::Script { Error { kind: Kind::Usage, ..error } } else { error }
}

pub fn dataset(host: &Host, arguments: &Arguments) -> Result<u8> {
    match &arguments.command {
        Command::Prepare(arguments) => prepare(host, arguments)?,
        Command::Generate(arguments) => generate(host, arguments)?,
        Command::Describe(arguments) => describe(host, arguments)?,
    }
    Ok(0)
}

fn prepare(host: &Host, arguments: &Prepare) -> Result<()> {
    let request = arguments.input.request(host)?;
    let cache = host.cache()?;
    let mut watch = host.watch();
    let mut rows_on_stdout = false;
    let (account, place) = match &arguments.output {
        None => {
            let (account, path) = dataset::prepare_into_cache(&request, &cache, &mut watch)?;
            (account, host.tilde(&path))
        }
        Some(output) => {
            let path = host.directory.join(output);
            rows_on_stdout = is_special(&path);
            not_an_input(&path, &request.files)?;
            let account = written(&path, |to| dataset::prepare_to(&request, &cache, to, &mut watch))?;
            (account, output.display().to_string())
        }
    };
    host.progress.clear();
    let text = if arguments.json { json(&account, &place)? } else { told(&account, &place) };
    if rows_on_stdout {
        host.progress.line(text.trim_end());
    } else {
        host.stdout.write(&text);
    }
    Ok(())
}

fn json(account: &Account, place: &str) -> Result<String> {
    let failed = |error| Error::defect(format!("cannot write the account: {error}"));
    let mut value = serde_json::to_value(account).map_err(failed)?;
    value["schema"] = 1.into();
    value["output"] = place.into();
    Ok(format!("{value:#}\n"))
}

fn told(account: &Account, place: &str) -> String {
    let mut text = String::new();
    for file in &account.files {
        text.push_str(&format!("file      {}: {} rows\n", file.name, dataset::grouped(file.rows)));
    }
    let count = |count: Option<u64>| dataset::grouped(count.unwrap_or(0));
    text.push_str(&format!("bounds    {} to before {} ({})\n", account.from, account.to, account.bounds));
    text.push_str(&format!("read      {}\nkept      {}\n", count(account.rows_read), count(account.rows_kept)));
    text.push_str(&format!("dropped   {}\n", dataset::grouped(account.dropped())));
    for (reason, count) in &account.rows_dropped {
        text.push_str(&format!("  {:<10}{}\n", reason.to_string(), dataset::grouped(*count)));
    }
    text.push_str(&format!("output    {place}\n"));
    text
}

fn generate(host: &Host, arguments: &Generate) -> Result<()> {
    let (from, to) =
        (arguments.from.as_deref().unwrap_or("2023-01-01"), arguments.to.as_deref().unwrap_or("2023-07-01"));
    let trips = Dataset::generate(arguments.seed, Some(Period::parse(from, to).map_err(as_usage)?))?;
    let mut watch = host.watch();
    let place = match &arguments.output {
        None => host.tilde(&dataset::generate_into_cache(&trips, &host.cache()?, &mut watch)?),
        Some(output) => {
            written(&host.directory.join(output), |to| trips.write_csv(to, &mut watch))?;
            output.display().to_string()
        }
    };
    host.progress.clear();
    let text = format!("{}\noutput: {place}", trips.describe());
    if arguments.output.as_ref().is_some_and(|output| is_special(&host.directory.join(output))) {
        host.progress.line(&text);
    } else {
        host.stdout.write(&format!("{text}\n"));
    }
    Ok(())
}

fn describe(host: &Host, arguments: &Describe) -> Result<()> {
    let request = arguments.input.request(host)?;
    let mut watch = host.watch();
    let trips = Dataset::nyc(&request, &host.cache()?, &mut watch)?;
    let survey = Survey::of(&trips, &mut watch)?;
    host.progress.clear();
    if arguments.json {
        let text = serde_json::to_string_pretty(&survey)
            .map_err(|error| Error::defect(format!("cannot write the survey: {error}")))?;
        host.stdout.write(&format!("{text}\n"));
    } else {
        host.stdout.write(&survey.text());
    }
    Ok(())
}

/// Writes a file, whole or not at all; what is no ordinary file, such as /dev/stdout, gets it as it comes.
fn written<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let failed = |error| {
        Error::io(format_args!("write {}", path.display()), error).hint("give --output a path that you may write to")
    };
    if path.is_dir() {
        return Err(Error::usage(format!("--output {} is a directory", path.display())).hint("name a file in it"));
    }
    let gzip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    if is_special(path) {
        let to = fs::OpenOptions::new().write(true).truncate(true).open(path).map_err(failed)?;
        return through(gzip, to, path, write);
    }
    // A link stays, and what it points at is replaced.
    let place = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut unfinished = tempfile::Builder::new()
        .prefix(".cprun-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(failed)?;
    let value = through(gzip, unfinished.as_file_mut(), path, write)?;
    unfinished.persist(&place).map_err(|error| failed(error.error))?;
    Ok(value)
}

fn through<T>(gzip: bool, to: impl Write, path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let mut to = BufWriter::with_capacity(1 << 20, to);
    let failed = |error| Error::io(format_args!("write {}", path.display()), error);
    let value = if gzip {
        let mut packed = GzEncoder::new(&mut to, Compression::fast());
        let value = write(&mut packed)?;
        packed.finish().map_err(failed)?;
        value
    } else {
        write(&mut to)?
    };
    to.flush().map_err(failed)?;
    Ok(value)
}

/// A pipe, a device, or what a process has open, such as /dev/stdout: it must not be replaced by a file.
fn is_special(path: &Path) -> bool {
    let device = fs::metadata(path).is_ok_and(|facts| !facts.is_file());
    device || path.starts_with("/dev") || path.starts_with("/proc")
}

fn not_an_input(path: &Path, files: &[PathBuf]) -> Result<()> {
    let place = fs::canonicalize(path).ok();
    if place.is_some() && files.iter().any(|file| fs::canonicalize(file).ok() == place) {
        return Err(Error::usage(format!("--output {} is one of the files that are read", path.display()))
            .hint("give it another name"));
    }
    Ok(())
}
