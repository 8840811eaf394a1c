//! The project's scripts: `cargo xtask demo`, `test`, `check`, `fuzz`, `bench`, `pack`, `dist`, `docs`.

mod bench;
mod check;
#[cfg(test)]
mod clients;
mod demo;
mod dist;
mod docs;
mod fuzz;
mod group;
mod new;
mod pack;
mod run;
mod sandbox;
mod test;

use std::process::ExitCode;

/// A command of `cargo xtask`.
struct Command {
    name: &'static str,
    /// Shown in the list of commands.
    about: &'static str,
    usage: &'static str,
    /// Whether it starts servers, which end with it.
    has_servers: bool,
    run: fn(&[String]) -> anyhow::Result<()>,
}

const COMMANDS: [Command; 11] = [
    Command {
        name: "demo",
        about: "audit, harden, enforce TLS, rotate and watch, on real servers",
        usage: demo::USAGE,
        has_servers: true,
        run: demo::demo,
    },
    Command {
        name: "test",
        about: "run the checks and all tests, or the tests of a group",
        usage: test::USAGE,
        has_servers: false,
        run: test::test,
    },
    Command {
        name: "check",
        about: "check format, licences, documents, wording, advisories and lints",
        usage: check::USAGE,
        has_servers: false,
        run: check::check,
    },
    Command {
        name: "fuzz",
        about: "run the fuzz targets, each for a bounded time",
        usage: fuzz::USAGE,
        has_servers: false,
        run: fuzz::fuzz,
    },
    Command {
        name: "bench",
        about: "measure speed and size against yardsticks",
        usage: bench::USAGE,
        has_servers: true,
        run: bench::bench,
    },
    Command {
        name: "fetch",
        about: "read a cluster as the yardstick of `bench` does",
        usage: bench::FETCH_USAGE,
        has_servers: false,
        run: bench::fetch,
    },
    Command {
        name: "sandbox",
        about: "run a real API server with a Charmed Kubeflow, for experiments",
        usage: sandbox::USAGE,
        has_servers: true,
        run: sandbox::sandbox,
    },
    Command {
        name: "pack",
        about: "build the charm for each base, in target/charms",
        usage: "usage: cargo xtask pack\n",
        has_servers: false,
        run: |_| pack::pack().map(drop),
    },
    Command {
        name: "dist",
        about: "make what a release holds, in target/dist",
        usage: dist::USAGE,
        has_servers: false,
        run: dist::dist,
    },
    Command {
        name: "docs",
        about: "regenerate the documents that come from code and data",
        usage: docs::USAGE,
        has_servers: false,
        run: |arguments| {
            docs::docs(arguments)?;
            check::correct_numbers()
        },
    },
    Command {
        name: "new",
        about: "write the definition, check and fault of a control, to be filled in",
        usage: new::USAGE,
        has_servers: false,
        run: new::new,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let is_help = |argument: &String| argument == "--help" || argument == "-h";
    let Some((name, arguments)) = arguments.split_first() else {
        eprint!("{}", usage());
        return Ok(ExitCode::from(2));
    };
    if is_help(name) {
        print!("{}", usage());
        return Ok(ExitCode::SUCCESS);
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprint!("error: there is no command {name:?}\n\n{}", usage());
        return Ok(ExitCode::from(2));
    };
    if arguments.iter().any(is_help) {
        print!("{}", command.usage);
        return Ok(ExitCode::SUCCESS);
    }
    // One line of usage: it takes nothing.
    if command.usage.ends_with(&format!("xtask {name}\n")) && !arguments.is_empty() {
        eprint!("error: {name} takes no arguments\n\n{}", command.usage);
        return Ok(ExitCode::from(2));
    }
    match command.has_servers {
        true => group::run(|| (command.run)(arguments)),
        false => (command.run)(arguments).map(|()| ExitCode::SUCCESS),
    }
}

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask COMMAND [--help]\n\n");
    for Command { name, about, .. } in &COMMANDS {
        text.push_str(&format!("  {name:<8} {about}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_its_usage() {
        for Command { name, usage, .. } in &COMMANDS {
            assert!(usage.starts_with(&format!("usage: cargo xtask {name}")), "{name}: {usage}");
            assert!(usage.ends_with('\n'), "{name}");
        }
    }
}
