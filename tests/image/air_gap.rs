//! Without any route out: what needs no network works all the same, and says the same. The charm
//! has a cluster and a controller, and nothing else.

use std::ffi::OsStr;
use std::process::{Command, Output};

use ckf_hardening::catalog;
use ckf_hardening::facts::advisory::AdvisoryTable;
use ckf_hardening::facts::charmhub::{Charmhub, Head};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_hardening::policy::Tables;
use ckf_test_support::rotation::hook;
use ckf_test_support::{binary, run};
use ckf_worlds::World;
use juju_sim::{Event, Juju, Simulation};
use serde_json::{Value, json};

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

/// Set in the process that has a network of its own.
const CUT_OFF: &str = "CKF_HARDENING_CUT_OFF";

/// Runs this test again, in a network that has only loopback, where names are looked up at
/// 127.0.0.1; `false` in there.
pub fn again_cut_off(name: &str) -> bool {
    if std::env::var_os(CUT_OFF).is_some() {
        let routes = std::fs::read_to_string("/proc/net/route").unwrap();
        assert!(routes.lines().count() <= 1, "{routes}");
        return false;
    }
    let mut command = Command::new("unshare");
    let directory = tempfile::tempdir().unwrap();
    let names = directory.path().join("resolv.conf");
    std::fs::write(&names, "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n").unwrap();
    let script =
        "ip link set lo up && mount --bind \"$RESOLV_CONF\" /etc/resolv.conf && exec \"$0\" \"$@\"";
    command.args(["--net", "--mount", "--", "sh", "-c", script]).env("RESOLV_CONF", &names);
    command.arg(std::env::current_exe().unwrap()).args(["--exact", name, "--nocapture"]);
    let output = command.env(CUT_OFF, "1").output().expect("util-linux is installed");
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{error}");
    true
}

/// A data file with one more advisory, of istiod, that is a day newer than the program's own tables.
fn newer_data() -> String {
    let known = catalog::advisories();
    let mut table = serde_json::to_value(known).unwrap();
    table["reviewed"] = known.reviewed.tomorrow().unwrap().to_string().into();
    table["advisories"].as_array_mut().unwrap().push(json!({
        "id": "GHSA-of-tomorrow", "summary": "A flaw of istiod.",
        "modified": "2026-11-29T00:00:00Z",
        "database_specific": {"severity": "HIGH"},
        "affected": [{"package": {"ecosystem": "Go", "name": "istio.io/istio"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.28.0"}, {"fixed": "99.0.0"}]}],
            "ecosystem_specific": {"images": ["istio/pilot"]}}],
        "references": [{"type": "ADVISORY", "url": "https://example.com/"}],
    }));
    let table = AdvisoryTable::parse(&table.to_string()).unwrap();
    Tables::default().with_advisories(table).write().unwrap()
}

/// Findings of a report, as text.
fn findings(unit: &mut Simulation, id: &str) -> String {
    hook(unit, "config-changed");
    let outcome = unit.run(&Event::action("get-report", json!({"format": "json"})));
    assert!(outcome.committed(), "{outcome:?}");
    let report: Value =
        serde_json::from_str(outcome.results()["report"].as_str().unwrap()).unwrap();
    ckf_test_support::control(&report, id).to_string()
}

#[test]
fn charm_audits_by_its_option_data_without_a_route_out() {
    if again_cut_off("air_gap::charm_audits_by_its_option_data_without_a_route_out") {
        return;
    }
    let sandbox = ckf_test_support::cluster(&World::stock("1.11"));
    let mut unit = ckf_test_support::rotation::unit(Juju::V3_6, "", |model| {
        let release = ckf_worlds::release("1.11");
        ckf_test_support::deployment::controller(&release, model)
    });
    let kubeconfig = sandbox.kubeconfig("admin").into_os_string();
    unit.environment.insert("KUBECONFIG".into(), kubeconfig);
    unit.set_option("offline", true);
    assert!(!findings(&mut unit, "UPG-09").contains("GHSA-of-tomorrow"));

    // Tables from a file are assessed by.
    unit.set_option("data", newer_data());
    let seen = findings(&mut unit, "UPG-09");
    assert!(seen.contains("GHSA-of-tomorrow"), "{seen}");

    // Charmhub's answers come by it as well, and count though nothing is asked.
    assert!(findings(&mut unit, "IMG-11").contains("is set"));
    let mut answers = Charmhub { asked_at: jiff::Timestamp::now(), ..Charmhub::default() };
    let newest = Head { revision: 9999, ..Head::default() };
    answers.heads.insert("dex-auth 2.41/stable 22.04".into(), Known::Known(newest));
    let tables = Tables::read(&newer_data()).unwrap().with_charmhub(answers);
    unit.set_option("data", tables.write().unwrap());
    let seen = findings(&mut unit, "IMG-11");
    assert!(seen.contains("charm revision") && seen.contains("9999"), "{seen}");

    // A file that was changed on the way is refused, and the status says so.
    unit.set_option("data", newer_data().replace("A flaw of istiod.", "Nothing."));
    assert!(!findings(&mut unit, "UPG-09").contains("GHSA-of-tomorrow"));
    let message = unit.model().status.message.clone();
    assert!(message.contains("option data: its checksum"), "{message}");
}
