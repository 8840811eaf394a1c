//! The command line as people use it: selection, files, colours, widths, defaults, suggestions.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_test_support::binary;
use ckf_worlds::World;
use serde_json::Value;

/// A snapshot of a stock deployment.
fn stock() -> tempfile::TempDir {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let directory = tempfile::tempdir().unwrap();
    let facts = Facts::from_objects(about, &World::stock("1.10").objects);
    snapshot::write(&facts, directory.path()).unwrap();
    directory
}

/// The binary in an environment of its own.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().env("JUJU_DATA", "/nowhere").env("HOME", "/nowhere");
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn selected_controls_are_the_same_in_every_format() {
    let stock = stock();
    let from = stock.path().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (json, csv, html, other) =
        (file("r.json"), file("r.csv"), file("r.html"), format!("sarif={}", file("scan")));
    let select = ["-c", "TLS-*,NET-02", "--skip", "TLS-21", "-s", "high+"];
    let files = ["-o", &json, "-o", &csv, "-o", &html, "-o", &other];
    let arguments = [&["audit", "--from", from][..], &select, &files].concat();
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    assert!(table.contains("SEVERITY  ID      FINDING"), "{table}");
    assert!(table.contains("The ingress gateway does not serve HTTPS"), "{table}");
    assert!(table.contains("selected: severity high+; control TLS-*, NET-02; skip TLS-21"));
    assert!(table.contains("next: ckf-hardening explain TLS-01"), "{table}");
    let report: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let ids: Vec<&str> =
        report["controls"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"NET-02") && ids.contains(&"TLS-01") && !ids.contains(&"TLS-21"));
    assert_eq!(report["tool"]["name"], "ckf-hardening");
    assert_eq!(report["scope"]["selected"][1], "control TLS-*, NET-02");
    let rows = fs::read_to_string(&csv).unwrap();
    let page = fs::read_to_string(&html).unwrap();
    let sarif: Value = serde_json::from_str(&fs::read_to_string(file("scan")).unwrap()).unwrap();
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), ids.len());
    for id in ids {
        assert!(rows.contains(&format!("\n{id},")), "{id}");
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    // Nothing beside the files.
    let quiet = run(&[&arguments[..], &["-q"]].concat());
    assert!(quiet.stdout.is_empty() && quiet.status.code() == Some(1));
    let only = run(&["audit", "--from", from, "-f", "csv", "--framework", "nist-800-53"]);
    assert!(text(&only.stdout).starts_with("control,severity,verdict"));
}

#[test]
fn table_has_colours_and_width_of_its_terminal() {
    let stock = stock();
    let audit = ["audit", "--from", stock.path().to_str().unwrap()];
    let plain = text(&run(&audit).stdout);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let colored = text(&run(&[&audit[..], &["--color", "always"]].concat()).stdout);
    assert!(colored.contains("\u{1b}[1;31mcritical"), "{colored}");
    let linked = |options: &[&str]| {
        let mut command = command(&[&audit[..], options].concat());
        text(&command.env("FORCE_HYPERLINK", "1").output().unwrap().stdout)
    };
    let page = "https://charmhub.io/ckf-hardening/docs/reference-controls-tls-01";
    assert!(linked(&[]).contains(&format!("\u{1b}]8;;{page}\u{1b}\\TLS-01\u{1b}]8;;")));
    assert!(!linked(&["--color", "never"]).contains('\u{1b}'));
    assert!(!linked(&["--format", "json"]).contains('\u{1b}'));
    for counts in ["critical, ", "high, ", "medium, ", "low, ", " info\n"] {
        assert!(plain.contains(counts), "{plain}");
    }
    // What was not asked for is short, and says how to get it.
    assert!(plain.contains("for lack of a login to Juju (") && plain.contains("`juju login`"));
    assert!(!plain.contains("not-applicable:"), "{plain}");
    assert!(text(&run(&[&audit[..], &["-v"]].concat()).stdout).contains("not-applicable:"));
}

#[test]
fn every_table_fits_the_terminal() {
    let stock = stock();
    let from = ["--from", stock.path().to_str().unwrap()];
    for (arguments, is_of_cluster) in [
        (&["audit", "-v"][..], true),
        (&["access", "--to", "profile/admin", "--format", "table"], true),
        (&["entrances"], true),
        (&["keys"], true),
        (&["rocks", "--offline"], true),
        (&["upgrade-plan", "--to", "1.11"], true),
        (&["controls"], false),
        (&["remedies"], false),
    ] {
        let of = if is_of_cluster { &from[..] } else { &[] };
        for columns in ["60", "80", "160"] {
            let output = command(&[arguments, of].concat()).env("COLUMNS", columns).output();
            let printed = text(&output.unwrap().stdout);
            assert!(printed.lines().count() > 5, "{arguments:?}: {printed}");
            for line in printed.lines() {
                // A link or a host is not broken, so that it can be copied.
                let is_word = !line.trim().contains(' ') || line.ends_with(".svc.cluster.local");
                let width = line.chars().count();
                assert!(
                    is_word || width <= columns.parse().unwrap(),
                    "{arguments:?} in {columns}: {line}"
                );
                assert_eq!(line, line.trim_end(), "{arguments:?}");
            }
        }
    }
}

#[test]
fn defaults_come_from_environment_and_file() {
    let stock = stock();
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join(".config/ckf-hardening");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.yaml"), "control: TLS-01\nformat: json\nfail-on: never\n")
        .unwrap();
    let audit = ["audit", "--from", stock.path().to_str().unwrap()];
    let ids = |command: &mut Command| -> Vec<String> {
        let output = command.env("HOME", home.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let controls = report["controls"].as_array().unwrap();
        controls.iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&mut command(&audit)), ["TLS-01"]);
    assert_eq!(
        ids(command(&audit).env("CKF_HARDENING_CONTROL", "TLS-02,NET-02")),
        ["TLS-02", "NET-02"]
    );
    let flag = [&audit[..], &["-c", "NET-01"]].concat();
    assert_eq!(ids(command(&flag).env("CKF_HARDENING_CONTROL", "TLS-02")), ["NET-01"]);
}

#[test]
fn mistyped_names_are_suggested() {
    let stock = stock();
    let from = stock.path().to_str().unwrap();
    for (arguments, expected) in [
        (&["explain", "TLS-1"][..], "did you mean TLS-01?"),
        (&["audit", "--from", from, "-c", "NTE-02"], "did you mean NET-02?"),
        (&["audit", "--from", from, "--skip", "XYZ-*"], "no control XYZ-*"),
        (&["audit", "--from", from, "--section", "Netwrk"], "did you mean Network?"),
        (&["audit", "--from", from, "-s", "severe"], "critical, high, medium, low, info"),
        (&["audit", "--from", from, "-o", "report.pdf"], "write it as FORMAT=report.pdf"),
        (&["plan", "mutal-tls"], "did you mean mutual-tls?"),
        (&["audit", "--release", "1.1", "--from", from], "did you mean 1.10?"),
        (&["man", "adit"], "did you mean audit?"),
        (&["users"], "`juju login --controller NAME`"),
        (&["refresh"], "JUJU_DATA"),
    ] {
        let output = run(arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let output = run(&["access", "--from", from, "--who", "admni", "--to", "platform"]);
    assert!(text(&output.stderr).contains("did you mean admin?"), "{}", text(&output.stderr));
}

#[test]
fn every_command_that_prints_data_takes_format_and_output() {
    let stock = stock();
    let from = stock.path().to_str().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.json");
    let named = file.to_str().unwrap();
    for arguments in [
        &["controls", "-s", "critical"][..],
        &["explain", "TLS-01"],
        &["remedies"],
        &["keys", "--from", from],
        &["access", "--from", from, "--who", "admin", "--to", "platform"],
        &["rocks", "--from", from, "--offline"],
    ] {
        let json = run(&[arguments, &["--format", "json"]].concat());
        serde_json::from_slice::<Value>(&json.stdout)
            .unwrap_or_else(|e| panic!("{arguments:?}: {e}"));
        let written = run(&[arguments, &["-f", "json", "-o", named]].concat());
        assert!(written.stdout.is_empty(), "{arguments:?}");
        assert_eq!(fs::read(&file).unwrap(), json.stdout, "{arguments:?}");
        fs::remove_file(&file).unwrap();
    }
    let old = run(&["keys", "--from", from, "--json"]);
    assert_eq!(old.stdout, run(&["keys", "--from", from, "-f", "json"]).stdout);
}

#[test]
fn manual_pages_and_plugin_name_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("man1");
    let output = run(&["man", "--directory", directory.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for name in ["ckf-hardening", "ckf-hardening-audit", "ckf-hardening-policy-check"] {
        let page = fs::read_to_string(directory.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH OPTIONS"), "{name}");
    }
    let plugin = folder.path().join("kubectl-ckf_hardening");
    std::os::unix::fs::symlink(binary(), &plugin).unwrap();
    let help = Command::new(Path::new(&plugin)).args(["audit", "-h"]).output().unwrap();
    let help = text(&help.stdout);
    assert!(help.contains("Usage: kubectl ckf-hardening audit"), "{help}");
    assert!(help.contains("Examples:") && help.lines().all(|l| l.chars().count() <= 100), "{help}");
}
