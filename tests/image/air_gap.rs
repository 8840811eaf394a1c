//! Without any route out: what needs no network works all the same, and says the same.

use std::ffi::OsStr;
use std::process::{Command, Output};

use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_test_support::{binary, run};
use ckf_worlds::World;

/// Runs a program in a network of its own, which has no route and no address.
fn cut_off<S: AsRef<OsStr>>(program: &OsStr, arguments: &[S]) -> Output {
    let mut command = Command::new("unshare");
    command.args(["--net", "--"]).arg(program).args(arguments);
    command.output().expect("util-linux is installed")
}

#[test]
fn snapshot_is_audited_by_a_data_file_without_a_route_out() {
    // The network is cut off, as far as the kernel shows.
    let routes = cut_off(OsStr::new("cat"), &["/proc/net/route"]);
    assert!(routes.status.success(), "{}", String::from_utf8_lossy(&routes.stderr));
    // A heading at most.
    assert!(String::from_utf8_lossy(&routes.stdout).lines().count() <= 1, "{routes:?}");

    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let about = About {
        collected_at: "2026-12-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &World::stock("1.11").objects);
    snapshot::write(&facts, directory.path().join("snapshot").as_path()).unwrap();
    let (from, data) = (path("snapshot"), path("data.json"));
    let program = binary().as_os_str();
    let packed = cut_off(program, &["bundle-data", &data]);
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    for arguments in [
        vec!["audit", "--from", &from, "--data", &data, "--format", "json", "--fail-on", "never"],
        vec!["upgrade-plan", "--from", &from, "--data", &data, "--to", "latest", "--json"],
        vec!["rocks", "--from", &from, "--offline", "--json"],
        vec!["keys", "--from", &from, "--logins", "--json"],
    ] {
        let (inside, outside) = (cut_off(program, &arguments), run(&arguments));
        let said = String::from_utf8_lossy(&inside.stderr).into_owned();
        assert_eq!(inside.status.code(), outside.status.code(), "{arguments:?}: {said}");
        assert!(inside.stdout == outside.stdout, "{arguments:?} differs: {said}");
        assert!(!inside.stdout.is_empty(), "{arguments:?}: {said}");
    }
}
