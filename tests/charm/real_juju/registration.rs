//! Registration of a user, to the end: OpenSSL reads the token that the secret has, with the five
//! fields that `juju register` wants.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use ckf_test_support::rotation::{held, hook, unit};
use juju_sim::Juju;
use juju_sim::controller::{Controller, State};

/// Kind and value of each element, in the words of `openssl asn1parse`.
fn elements(token: &[u8]) -> Vec<(String, String)> {
    let mut child = Command::new("openssl")
        .args(["asn1parse", "-inform", "DER"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(token).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter_map(|line| {
        // `2:d=1  hl=2 l=   5 prim: PRINTABLESTRING   :alice`
        let (_, rest) = line.split_once("prim: ").or(line.split_once("cons: "))?;
        let (kind, value) = rest.split_once(':').unwrap_or((rest, ""));
        Some((kind.trim().trim_end_matches("[HEX DUMP]").trim().to_owned(), value.to_owned()))
    });
    lines.collect()
}

#[test]
fn openssl_reads_the_registration_token_with_the_five_fields_of_juju() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let controller = |uuid: &str| {
            let mut state = State::new(juju, "admin-pw");
            state.add_user("hardening", "first-pw-of-the-charm").access = "superuser".into();
            state.add_user("alice", "first-pw-of-alice");
            state.config.insert("controller-name".into(), "prod".into());
            state.add_model(uuid, "kubeflow");
            Controller::start(state).unwrap()
        };
        let plan = "targets: [{credential: juju-user/alice, deliver: registration}]";
        let mut unit = unit(juju, plan, controller);
        for _ in 0..4 {
            hook(&mut unit, "update-status");
        }
        let token = held(&unit.model(), "juju-user/alice").remove("registration").unwrap();
        let token = URL_SAFE.decode(token).unwrap();
        let key = unit.controller().state(|s| s.users["alice"].secret_key.clone().unwrap());
        let key: String =
            STANDARD.decode(key).unwrap().iter().map(|byte| format!("{byte:02X}")).collect();
        let address = unit.controller().address().to_owned();
        let found = elements(&token);
        let wanted = [
            ("SEQUENCE", ""),
            ("PRINTABLESTRING", "alice"),
            ("SEQUENCE", ""),
            ("PRINTABLESTRING", &address),
            ("OCTET STRING", &key),
            ("PRINTABLESTRING", "prod"),
            ("PRINTABLESTRING", ""),
        ];
        let wanted = wanted.map(|(kind, value)| (kind.to_owned(), value.to_owned()));
        assert_eq!(found[..7], wanted, "{juju:?}");
        // Then only what fills the last group of base64.
        assert!(found[7..].iter().all(|(kind, _)| kind == "EOC"), "{juju:?}: {found:?}");
    }
}
