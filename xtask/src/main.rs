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

const USAGE: &str = "usage: cargo xtask COMMAND

  demo     the charm's life beside a real API server with a stock Charmed Kubeflow; at the end it
           serves the report page until Ctrl-C, unless with `--no-wait`
  test     all tests
  check    format, lint, licences and known advisories of dependencies
  fuzz     the fuzz targets, each for a bounded time
  bench    figures of speed and size, each beside its yardstick; `bench hooks` and `bench rocks` only those, `bench agent` all others
  sandbox  a real API server with a stock Charmed Kubeflow, or a `large` one, to try things on
  pack     the charm for each base, in target/charms
  docs     write the documents that are generated from code and data
  new      `new control ID`: definition, check and fault of a control, to be filled in
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
        Some("test") => test::test(),
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
