//! The project's scripts: `cargo xtask demo`, `test`, `bench`, `schema`.

mod demo;
mod run;
mod schema;
mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  demo     the charm's life beside a real API server with a stock Charmed Kubeflow
  test     all tests
  schema   write docs/report-v1.schema.json from the code
";

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some("demo") => demo::demo(),
        Some("test") => test::test(),
        Some("schema") => schema::write(),
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
