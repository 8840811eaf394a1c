//! Hooks of the charm, beside the same tools called by a shell and a charm in Python that does
//! the same.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use juju_sim::{Event, Simulation};

use crate::run;

/// Runs of each.
const HOOKS: usize = 100;

/// A hook of the charm, beside a shell that calls the same tools and nothing
/// else, and beside a charm in Python that does the same. Each takes its turn.
pub fn hooks(binary: &Path) -> anyhow::Result<()> {
    let python = test_programs::python::programs("ops", &["ops==3.9.0"])?.join("python");
    let script = run::root().join("xtask/assets/ops_charm.py");
    let script = script.to_str().context("the path of the project is text")?;
    for hook in ["config-changed", "start"] {
        let mut juju = Simulation::new(run::root(), binary)?;
        // Only the leader audits, so that no cluster is needed.
        juju.change(|model| model.leader = false);
        let event = Event::hook(hook);
        juju.run(&event);
        let calls = juju.run(&event).calls;
        let tools: Vec<String> = calls.iter().map(line).collect();
        let shell = tools.join(";");
        let dispatch = juju.charm_directory().join("dispatch");
        let rivals: [(&Path, Vec<&str>); 3] = [
            (&dispatch, vec![]),
            ("/bin/sh".as_ref(), vec!["-c", &shell]),
            (&python, vec![script]),
        ];
        let mut times: [Vec<Duration>; 3] = Default::default();
        let mut tools_of_ops = 0;
        for _ in 0..HOOKS {
            for (time, (program, arguments)) in times.iter_mut().zip(&rivals) {
                let started = Instant::now();
                let outcome = juju.run_program(&event, program, arguments);
                time.push(started.elapsed());
                if !outcome.committed() {
                    bail!("{}: {}", program.display(), outcome.stderr);
                }
                tools_of_ops = outcome.calls.len();
            }
        }
        let [charm, bare, ops] = times.map(|mut all| {
            all.sort();
            all[all.len() / 2].as_secs_f64() * 1e3
        });
        println!(
            "{hook}: {charm:.2} ms with {} tools; sh with the same tools {bare:.2} ms, ratio {:.2}; \
             ops with {tools_of_ops} tools {ops:.2} ms, 1/{:.1}",
            tools.len(),
            charm / bare,
            ops / charm
        );
        stubbed(&mut juju, &event, &calls, &rivals)?;
    }
    Ok(())
}

/// The same with tools that cost as little as a process can, so that what is left is the
/// charm's own; counted by the kernel.
fn stubbed(
    juju: &mut Simulation,
    event: &Event,
    calls: &[juju_sim::Call],
    rivals: &[(&Path, Vec<&str>)],
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("bin"))?;
    let stub = run::root().join("target/tools/hookstub");
    // What each tool prints in this hook, and the hook's environment.
    let mut script = format!("env -0 > '{}'\n", path("environment").display());
    for call in calls {
        let answer = path(&call.tool);
        if !answer.exists() {
            std::os::unix::fs::symlink(&stub, path("bin").join(&call.tool))?;
            fs::write(&answer, "")?;
            script += &format!("{} > '{}'\n", line(call), answer.display());
        }
    }
    // Those that only the Python charm calls.
    for (tool, answer) in
        [("is-leader", "false"), ("status-set", ""), ("juju-log", ""), ("config-get", "")]
    {
        let link = path("bin").join(tool);
        if !link.exists() {
            std::os::unix::fs::symlink(&stub, link)?;
            fs::write(path(tool), answer)?;
        }
    }
    let outcome = juju.run_program(event, "/bin/sh".as_ref(), &["-c", &script]);
    if !outcome.committed() {
        bail!("recording the tools: {}", outcome.stderr);
    }
    let environment = fs::read(path("environment"))?;
    let is_path = |variable: &&[u8]| variable.starts_with(b"PATH=");
    let mut variables: Vec<Vec<u8>> = environment
        .split(|byte| *byte == 0)
        .filter(|variable| !variable.is_empty() && !is_path(variable))
        .map(<[u8]>::to_vec)
        .collect();
    let bin = path("bin");
    variables.push(format!("PATH={}:/usr/bin:/bin", bin.display()).into());
    variables.push(format!("JUJU_SIM_STUBS={}", folder.path().display()).into());
    fs::write(path("environment"), variables.join(&0))?;

    let mut measure = Command::new("python3");
    measure
        .current_dir(juju.charm_directory())
        .arg(run::root().join("xtask/assets/measure.py"))
        .arg(HOOKS.to_string())
        .arg(path("environment"));
    for (program, arguments) in rivals {
        let mut words = vec![program.to_str().context("a path is text")?];
        words.extend(arguments);
        measure.arg(words.join("\x1f"));
    }
    let output = measure.output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let rows: Vec<[f64; 2]> = text
        .lines()
        .map(|line| {
            let mut numbers = line.split(' ').map(str::parse);
            let mut next = || numbers.next().context("two numbers")?.context("a number");
            Ok([next()?, next()?])
        })
        .collect::<anyhow::Result<_>>()?;
    let [charm, bare, ops] = rows.as_slice() else {
        bail!("three were measured, and the file has {text}");
    };
    let each = |seconds: f64| seconds * 1e3;
    for (name, of) in [("charm", charm), ("sh", bare), ("ops", ops)] {
        println!("  with stub tools, {name}: {:.2} ms, {:.2} ms of CPU", each(of[0]), each(of[1]),);
    }
    println!(
        "  charm to sh: {:.2} of time, {:.2} of CPU; to ops: 1/{:.1}, 1/{:.1}",
        charm[0] / bare[0],
        charm[1] / bare[1],
        ops[0] / charm[0],
        ops[1] / charm[1]
    );
    for (name, (program, arguments)) in ["charm", "ops"].iter().zip([&rivals[0], &rivals[2]]) {
        let file = path("memory");
        let variables = variables.iter().filter_map(|variable| {
            let text = std::str::from_utf8(variable).ok()?;
            text.split_once('=')
        });
        let output = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(variables)
            .env("JUJU_SIM_MEMORY", &file)
            .current_dir(juju.charm_directory())
            .output()?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr));
        }
        let status = fs::read_to_string(&file).context("no tool was called")?;
        let megabytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let kilobytes = line.and_then(|l| l.trim_end_matches("kB").trim().parse::<f64>().ok());
            kilobytes.unwrap_or_default() / 1e3
        };
        println!(
            "  memory of {name}: {:.1} MB resident at most, of which {:.1} MB is its own and the rest pages of its files",
            megabytes("VmHWM:"),
            megabytes("RssAnon:")
        );
    }
    Ok(())
}

/// A call as a line of a shell.
fn line(call: &juju_sim::Call) -> String {
    let quote = |text: &String| format!("'{}'", text.replace('\'', "'\\''"));
    let arguments: Vec<String> = call.arguments.iter().map(quote).collect();
    let input = call.input.as_ref().map(quote);
    let input = input.map_or(String::new(), |text| format!("printf %s {text} | "));
    format!("{input}{} {}", call.tool, arguments.join(" "))
}
