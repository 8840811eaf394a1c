//! The project's scripts: `cargo xtask demo`, `test`, `check`, `fuzz`, `bench`, `pack`, `docs`.

mod bench;
mod check;
#[cfg(test)]
mod clients;
mod demo;
mod docs;
mod fuzz;
mod new;
mod pack;
mod run;
mod sandbox;
mod test;

use std::process::ExitCode;

/// The commands of `cargo xtask` that documents may name.
const COMMANDS: [&str; 10] =
    ["demo", "test", "check", "fuzz", "bench", "fetch", "sandbox", "pack", "docs", "new"];

const USAGE: &str = "usage: cargo xtask COMMAND

  demo     run the charm's lifecycle with a real API server and a stock Charmed Kubeflow; at the end
           serve the report page until Ctrl-C, unless with `--no-wait`
  test     run the quick checks and all tests, or the tests of a group; see `test --help`
  check    check format, licences, documents, wording, advisories and lints
  fuzz     run the fuzz targets, each for a bounded time
  bench    measure speed and size against yardsticks; `bench hooks` and `bench rocks` only those,
           `bench agent` all others
  sandbox  run a real API server with a stock Charmed Kubeflow, or a `large` one, for experiments
  pack     build the charm for each base, in target/charms
  docs     regenerate the documents that come from code and data
  new      `new control ID`: write the definition, check and fault of a control, to be filled in
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let result = match std::env::args().nth(1).as_deref() {
        Some("demo") => demo::demo(std::env::args().nth(2).as_deref() != Some("--no-wait")),
        Some("bench") => bench::bench(),
        Some("check") => check::check(&arguments),
        Some("fuzz") => fuzz::fuzz(&arguments),
        Some("fetch") => bench::fetch(),
        Some("sandbox") => sandbox::sandbox(std::env::args().nth(2).as_deref()),
        Some("test") => test::test(&arguments),
        Some("docs") => docs::write(),
        Some("new") => new::new(&arguments),
        Some("pack") => pack::pack().map(drop),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
