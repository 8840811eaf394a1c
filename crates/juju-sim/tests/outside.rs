//! A crate outside this workspace tests its charm with no more than a path to juju-sim.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long the second run may take: nothing is left to be built.
const SECOND: Duration = Duration::from_secs(30);

const TEST: &str = r#"
use juju_sim::{Event, Simulation};

#[test]
fn greeter_reports_its_port() {
    let dispatch = env!("CARGO_BIN_EXE_greeter");
    let mut juju = Simulation::new(env!("CARGO_MANIFEST_DIR").as_ref(), dispatch.as_ref()).unwrap();
    juju.set_option("port", 8081);
    let outcome = juju.run(&Event::hook("config-changed"));
    assert!(outcome.committed(), "{outcome:?}");
    assert_eq!(juju.model().status.message, "greets on port 8081");
}
"#;

#[test]
fn crate_outside_the_workspace_tests_its_charm() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = here.parent().unwrap().canonicalize().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let greeter = crates.join("juju-charm/examples/greeter");
    for name in ["metadata.yaml", "config.yaml", "actions.yaml"] {
        fs::copy(greeter.join(name), folder.path().join(name)).unwrap();
    }
    for (path, content) in [
        ("src/main.rs", fs::read_to_string(greeter.join("main.rs")).unwrap()),
        ("tests/charm.rs", TEST.to_owned()),
        ("Cargo.toml", manifest(&crates)),
        // The versions that are here already, so that nothing is fetched.
        ("Cargo.lock", fs::read_to_string(crates.join("../Cargo.lock")).unwrap()),
    ] {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    // The dependencies are built once for all runs of this test; the crate itself is new to Cargo
    // in each of them.
    let target = crates.join("../target/outside");

    let first = test(folder.path(), &target);
    assert!(first.contains("1 passed"), "{first}");
    let begin = Instant::now();
    let second = test(folder.path(), &target);
    assert!(second.contains("1 passed") && !second.contains("Compiling"), "{second}");
    assert!(begin.elapsed() < SECOND, "{second}");
}

fn manifest(crates: &Path) -> String {
    let path = |name: &str| crates.join(name).display().to_string();
    format!(
        "[package]\n\
         name = \"greeter\"\n\
         version = \"0.1.0\"\n\
         edition = \"2024\"\n\
         [dependencies]\n\
         juju-charm = {{ path = {:?}, default-features = false }}\n\
         log = \"0.4\"\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         [dev-dependencies]\n\
         juju-sim = {{ path = {:?} }}\n\
         [profile.dev]\n\
         debug = false\n",
        path("juju-charm"),
        path("juju-sim"),
    )
}

/// Runs the crate's tests; what Cargo and the tests print.
fn test(folder: &Path, target: &Path) -> String {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--offline", "--test", "charm"])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success(), "{printed}");
    printed
}
