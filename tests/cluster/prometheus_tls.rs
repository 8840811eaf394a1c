//! A real Prometheus behind TLS of a private CA, as COS's ingress has it: read by that CA, and not
//! without it.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ckf_test_support::rotation::{connect, hook};
use ckf_test_support::{control, run};
use ckf_worlds::{Authority, World};
use juju_sim::{Event, Juju};
use serde_json::{Value, json};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// Year at the end of which certificates end.
const UNTIL: i32 = 2040;

/// A process that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts Prometheus with a certificate of a CA for `localhost`; returns its URL.
fn prometheus(folder: &Path, ca: &Authority) -> (Server, String) {
    let pair = ca.issue("localhost", UNTIL);
    let path = |name: &str| folder.join(name);
    fs::write(path("tls.crt"), pair.certificate).unwrap();
    fs::write(path("tls.key"), pair.key).unwrap();
    let web = json!({"tls_server_config": {"cert_file": "tls.crt", "key_file": "tls.key"}});
    fs::write(path("web.yml"), web.to_string()).unwrap();
    fs::write(path("prometheus.yml"), "{}").unwrap();
    let port = kube_sandbox::free_port().unwrap();
    let mut command =
        Command::new(test_programs::debian::program("prometheus", "prometheus").unwrap());
    command.current_dir(folder).args(["--config.file=prometheus.yml", "--web.config.file=web.yml"]);
    command.args(["--storage.tsdb.path=data", &format!("--web.listen-address=127.0.0.1:{port}")]);
    command.stdout(Stdio::null()).stderr(File::create(path("log")).unwrap());
    (Server(command.spawn().unwrap()), format!("https://localhost:{port}"))
}

/// The verdict on OBS-08, with its reason.
fn verdict(report: &Value) -> (String, String) {
    let control = control(report, "OBS-08");
    let text = |field: &str| control[field].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("reason"))
}

#[test]
fn prometheus_of_a_private_authority_is_read_by_that_authority_only() {
    let sandbox = ckf_test_support::cluster(&World::hardened("1.11"));
    let folder = tempfile::tempdir().unwrap();
    let (own, other) = (Authority::root("COS", UNTIL), Authority::root("another", UNTIL));
    let (_server, url) = prometheus(folder.path(), &own);
    let file = |name: &str, ca: &Authority| {
        let path = folder.path().join(name);
        fs::write(&path, &ca.own.certificate).unwrap();
        path.display().to_string()
    };
    let (own_file, other_file) = (file("own.pem", &own), file("other.pem", &other));
    let kubeconfig = sandbox.kubeconfig("admin").display().to_string();
    let audit = |more: &[&str]| {
        let arguments = ["audit", "--format=json", "--fail-on=never", "--control=OBS-08"];
        let place = ["--kubeconfig", &kubeconfig, "--prometheus", &url];
        let output = run(&[&arguments[..], &place, more].concat());
        let report = serde_json::from_slice(&output.stdout);
        verdict(&report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr))))
    };
    // It answers, and has nothing of the model.
    let started = Instant::now();
    let answer = loop {
        let answer = audit(&["--prometheus-ca", &own_file]);
        if answer.0 != "not-assessed" {
            break answer;
        }
        assert!(started.elapsed() < PATIENCE, "{answer:?}");
    };
    assert_eq!(answer.0, "fail", "{}", answer.1);
    assert!(answer.1.contains("up of model kubeflow in COS is missing"), "{}", answer.1);
    for more in [&[][..], &["--prometheus-ca", &other_file]] {
        let (seen, why) = audit(more);
        assert_eq!(seen, "not-assessed");
        assert!(why.contains("its certificate is not trusted"), "{why}");
    }

    // The charm, by its options.
    let mut unit = ckf_test_support::rotation::unit(Juju::V3_6, "", |model| {
        let release = ckf_worlds::release("1.11");
        ckf_test_support::deployment::controller(&release, model)
    });
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into_os_string());
    connect(&mut unit);
    unit.set_option("prometheus-url", &*url);
    for (ca, expected) in [(&other, "not-assessed"), (&own, "fail")] {
        unit.set_option("prometheus-ca-cert", &*ca.own.certificate);
        hook(&mut unit, "config-changed");
        let outcome = unit.run(&Event::action("get-report", json!({"format": "json"})));
        let report = outcome.results()["report"].as_str().unwrap().to_owned();
        let (seen, why) = verdict(&serde_json::from_str(&report).unwrap());
        assert_eq!(seen, expected, "{why}");
    }
}
