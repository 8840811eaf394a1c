//! The controls that read Juju's controller, and who may do what.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ckf_hardening::catalog;
use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::juju::{self, Source};
use ckf_hardening::facts::known::{Known, Listed};
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::{Options, Policy, Profile};
use ckf_hardening::report::Report;
use ckf_test_support::{binary, client_store};
use jiff::{SignedDuration, Timestamp};
use juju_client::{Endpoint, Login, Password, Trust};
use juju_sim::Juju;
use juju_sim::controller::{
    Application, CharmRevision, Controller, DeployedResource, Life, Offer, State,
};
use serde_json::{Value, json};

const MODEL: &str = "62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e";

fn ago(days: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(24 * days)
}

fn application(charm: &str, revision: u32, options: &[(&str, &str)]) -> Application {
    let mut released = catalog::release("1.10").unwrap().applications.values();
    let released = released.find(|known| known.charm == charm);
    let mut application = Application {
        charm: format!("ch:amd64/{charm}-{revision}"),
        channel: released.map_or("1.10/stable".into(), |known| known.channel.clone()),
        trusted: released.is_some_and(|known| known.trust),
        ..Application::default()
    };
    application.units.insert(format!("{charm}/0"), ("active".into(), String::new()));
    for (name, value) in options {
        application = application.with_option(name, "string", Some(value));
    }
    application
}

fn related(mut application: Application, endpoints: &[&str]) -> Application {
    let with = |endpoint: &&str| ((*endpoint).to_owned(), vec!["cos".to_owned()]);
    application.relations.extend(endpoints.iter().map(with));
    application
}

/// A platform in which everything that Juju reports is as expected.
fn hardened(juju: Juju) -> State {
    let mut state = State::new(juju, "admin-pw");
    state.users.get_mut("admin").unwrap().last_connection = Some(ago(1));
    let auditor = state.add_user("auditor", "auditor-pw");
    (auditor.access, auditor.created) = ("superuser".into(), ago(10));
    let alice = state.add_user("alice", "alice-pw");
    (alice.created, alice.last_connection) = (ago(80), Some(ago(3)));
    let model = state.add_model(MODEL, "kubeflow");
    model.users.insert("alice".into(), "read".into());
    model.users.insert("auditor".into(), "read".into());
    let cos = ["metrics-endpoint", "grafana-dashboard", "logging"];
    let dex = [
        ("static-username", "user@example.com"),
        ("issuer-url", "https://kubeflow.example.com/dex"),
    ];
    let applications = [
        ("dex-auth", related(application("dex-auth", 612, &dex), &cos)),
        ("oidc-gatekeeper", related(application("oidc-gatekeeper", 500, &[]), &cos)),
        ("jupyter-ui", related(application("jupyter-ui", 1, &[("secure-cookies", "true")]), &cos)),
        (
            "kubeflow-profiles",
            related(application("kubeflow-profiles", 1, &[("security-policy", "baseline")]), &cos),
        ),
        ("minio", related(application("minio", 1, &[]), &cos)),
        (
            "istio-pilot",
            related(application("istio-pilot", 1, &[]), &[&cos[..], &["certificates"]].concat()),
        ),
        (
            "katib-db",
            related(application("mysql-k8s", 1, &[]), &[&cos[..], &["certificates"]].concat()),
        ),
    ];
    for (name, application) in applications {
        model.applications.insert(name.into(), application);
    }
    state
}

#[test]
fn internal_and_external_juju_users_have_no_password_to_rotate() {
    let mut state = hardened(Juju::V4_0);
    for name in ["juju-metrics", "everyone@external"] {
        state.users.get_mut(name).unwrap().created = ago(500);
    }
    let of = verdicts(&facts(state, "auditor"), &Policy::default());
    for id in ["CRED-01", "CRED-02"] {
        assert_eq!(of[id].0, Verdict::Pass, "{id}: {}", of[id].1);
    }
}

/// The same, with everything wrong.
fn neglected(juju: Juju) -> State {
    let mut state = hardened(juju);
    let mallory = state.add_user("mallory", "mallory-pw");
    (mallory.access, mallory.created) = ("superuser".into(), ago(400));
    mallory.last_connection = Some(ago(200));
    state.add_user("pending", "").created = ago(100);
    let other = state.add_model("99999999-8888-4777-8666-555555555555", "other");
    other.owner = "alice".into();
    let model = state.models.get_mut(MODEL).unwrap();
    model.users.insert("mallory".into(), "admin".into());
    let dex = [
        ("static-username", "admin"),
        ("static-password", "admin"),
        ("issuer-url", "http://kubeflow.example.com/dex"),
        ("public-url", "http://kubeflow.example.com"),
    ];
    let mut old = application("dex-auth", 600, &dex);
    old.can_upgrade_to = "ch:amd64/dex-auth-612".into();
    old.channel = "latest/edge".into();
    let minio = application("minio", 1, &[("secret-key", "short")]);
    // No release and no companion of one.
    let mut foreign = application("ubuntu-lite", 1, &[]);
    foreign.trusted = true;
    let mut pilot = application("istio-pilot", 1, &[("tls-secret-id", "secret:x")]);
    pilot = related(pilot, &["certificates"]);
    pilot.units.insert("istio-pilot/0".into(), ("blocked".into(), "TLS twice".into()));
    let gatekeeper = [("client-secret", "no effect"), ("skip-auth-urls", "/pipeline")];
    for (name, application) in [
        ("dex-auth", old),
        ("minio", minio),
        ("ubuntu-lite", foreign),
        ("istio-pilot", pilot),
        ("oidc-gatekeeper", application("oidc-gatekeeper", 500, &gatekeeper)),
        (
            "kubeflow-profiles",
            application("kubeflow-profiles", 1, &[("security-policy", "privileged")]),
        ),
        ("katib-db", application("mysql-k8s", 1, &[])),
        (
            "jupyter-ui",
            application(
                "jupyter-ui",
                1,
                &[("secure-cookies", "false"), ("jupyter-images", "- mine:1")],
            ),
        ),
    ] {
        model.applications.insert(name.into(), application);
    }
    state.offers.push(Offer {
        model: MODEL.into(),
        application: "minio".into(),
        name: "minio".into(),
        users: BTreeMap::from([("mallory".into(), "consume".into())]),
    });
    state
}

fn endpoint(controller: &Controller) -> Endpoint {
    Endpoint {
        addresses: vec![controller.address().into()],
        trust: Trust::Authority(controller.authority().into()),
    }
}

/// Options as the policy wants them.
fn declared() -> Options {
    let secure = BTreeMap::from([("secure-cookies".to_owned(), "true".to_owned())]);
    Options::from([("jupyter-ui".to_owned(), secure)])
}

fn policy() -> Policy {
    Policy { options: declared(), ..Policy::default() }
}

fn facts(state: State, user: &str) -> Facts {
    let controller = Controller::start(state).unwrap();
    let login = Login::new(user, Password::new(format!("{user}-pw"))).unwrap();
    let about = About { collected_at: Timestamp::now(), namespace: "kubeflow".into() };
    Facts {
        about,
        juju: juju::read(&Source {
            endpoint: &endpoint(&controller),
            login: &login,
            declared: &declared(),
            model: "kubeflow",
        }),
        ..Facts::default()
    }
}

fn verdicts(facts: &Facts, policy: &Policy) -> BTreeMap<String, (Verdict, String)> {
    let report = Report::audit(facts, policy, Some("1.10"), Vec::new());
    let all = report.controls.into_iter();
    all.map(|c| (c.id.clone(), (c.verdict, format!("{} {:?}", c.reason, c.findings)))).collect()
}

/// Controls that this test makes hold and not hold.
const CONTROLS: [&str; 27] = [
    "CRED-01", "CRED-02", "CRED-03", "CRED-06", "CRED-13", "CRED-14", "JUJU-01", "JUJU-02",
    "JUJU-03", "UPG-01", "UPG-03", "OBS-01", "OBS-02", "OBS-03", "AUTHN-06", "AUTHN-09",
    "AUTHN-10", "AUTHN-11", "AUTHN-12", "AUTHN-13", "TLS-12", "PSS-02", "CRED-04", "CRED-12",
    "CRED-09", "IMG-06", "JUJU-04",
];

#[test]
fn control_passes_on_a_hardened_platform_and_fails_on_a_neglected_one() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let rotated = |days: i64| {
            let credentials = [
                "dex",
                "minio",
                "juju-user/mallory",
                "mysql/katib-db/root",
                "mysql/katib-db/serverconfig",
                "mysql/katib-db/clusteradmin",
            ];
            let at = ago(days);
            Known::Known(credentials.map(|name| (name.to_owned(), at)).into())
        };
        let mut good = facts(hardened(juju), "auditor");
        good.rotated = rotated(10);
        // Kubernetes has no role that says otherwise than Juju.
        good.cluster_roles = Known::Known(Listed::default());
        let mut bad = facts(neglected(juju), "auditor");
        bad.rotated = rotated(91);
        let (good, bad) = (verdicts(&good, &policy()), verdicts(&bad, &policy()));
        for id in CONTROLS {
            assert_eq!(good[id].0, Verdict::Pass, "{id} hardened: {}", good[id].1);
            assert_eq!(bad[id].0, Verdict::Fail, "{id} neglected: {}", bad[id].1);
        }
        assert_eq!(good["AUTHN-08"].0, Verdict::NotApplicable);
        assert!(
            bad["CRED-02"].1.contains("mallory") && bad["CRED-02"].1.contains("not completed in")
        );
        assert!(!bad["CRED-14"].1.contains("short"), "the finding holds the password");
    }
}

#[test]
fn strict_profile_requires_a_provider() {
    let strict = Policy { profile: Profile::Strict, ..Policy::default() };
    let facts_of = facts(hardened(Juju::V3_6), "auditor");
    assert_eq!(verdicts(&facts_of, &strict)["AUTHN-08"].0, Verdict::Fail);
    let mut state = hardened(Juju::V3_6);
    let options = [("enable-password-db", "false"), ("connectors", "- type: oidc")];
    let dex = application("dex-auth", 612, &options);
    let model = state.models.get_mut(MODEL).unwrap();
    model.applications.insert("dex-auth".into(), dex);
    assert_eq!(verdicts(&facts(state, "auditor"), &strict)["AUTHN-08"].0, Verdict::Pass);
}

#[test]
fn unknown_age_is_reported_as_unknown() {
    let mut state = hardened(Juju::V3_6);
    state.users.get_mut("alice").unwrap().created = ago(300);
    let of = verdicts(&facts(state, "auditor"), &Policy::default());
    for (id, names) in [
        ("CRED-01", "alice"),
        ("CRED-04", "dex-auth"),
        ("CRED-09", "minio"),
        ("CRED-12", "mysql/katib-db/root"),
    ] {
        let (verdict, reason) = &of[id];
        assert_eq!(*verdict, Verdict::NotAssessed, "{id}");
        assert!(reason.contains("no age of passwords") && reason.contains(names), "{id}: {reason}");
    }
}

#[test]
fn options_are_assessed_by_what_the_policy_declares() {
    let facts = facts(neglected(Juju::V4_0), "auditor");
    let with = |application: &str, option: &str| {
        let mut policy = policy();
        let options = policy.options.entry(application.into()).or_default();
        options.insert(option.into(), "- mine:1".into());
        verdicts(&facts, &policy)
    };
    // An image that is declared is allowed, but this one was not read to be compared.
    let of = with("jupyter-ui", "jupyter-images");
    assert_eq!(of["IMG-06"].0, Verdict::Pass);
    assert!(of["JUJU-04"].1.contains("secure-cookies"));
    let Known::Known(mut juju) = facts.juju.clone() else { panic!("{:?}", facts.juju) };
    let Known::Known(applications) = &mut juju.applications else {
        panic!("{:?}", juju.applications)
    };
    let ui = applications.iter_mut().find(|a| a.name == "jupyter-ui");
    ui.unwrap().options.get_mut("secure-cookies").unwrap().value = None;
    let unread = Facts { juju: Known::Known(juju), ..Facts::default() };
    let (verdict, reason) = &verdicts(&unread, &policy())["JUJU-04"];
    assert_eq!(*verdict, Verdict::NotAssessed);
    assert!(reason.contains("jupyter-ui: secure-cookies"), "{reason}");
    for (application, option, shown) in
        [("jupyter-ui", "colour", "no such option"), ("nowhere", "colour", "not in the model")]
    {
        let of = with(application, option);
        assert_eq!(of["JUJU-04"].0, Verdict::Fail);
        assert!(of["JUJU-04"].1.contains(shown), "{}", of["JUJU-04"].1);
    }
}

#[test]
fn facts_forbidden_to_the_login_are_not_assessed() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let of = verdicts(&facts(hardened(juju), "alice"), &Policy::default());
        for id in ["CRED-01", "CRED-02", "CRED-03"] {
            let (verdict, reason) = &of[id];
            assert_eq!(*verdict, Verdict::NotAssessed, "{id}: {reason}");
            assert!(reason.contains("no superuser access"), "{id}: {reason}");
        }
        // A reader of the model sees its applications.
        assert_eq!(of["JUJU-03"].0, Verdict::Pass, "{juju:?}: {}", of["JUJU-03"].1);
    }
    let none = verdicts(&Facts::default(), &policy());
    let wrong = verdicts(&facts(hardened(Juju::V3_6), "nobody"), &policy());
    for id in CONTROLS {
        assert_eq!(none[id], (Verdict::NotAssessed, "needs Juju credentials []".into()), "{id}");
        assert_eq!(wrong[id].0, Verdict::NotAssessed, "{id}");
        assert!(wrong[id].1.contains("refuses the login of nobody"), "{id}: {}", wrong[id].1);
    }
}

#[test]
fn dying_application_leaves_the_rest_assessed() {
    for life in [Life::Dying, Life::Dead] {
        let mut state = hardened(Juju::V4_0);
        let model = state.models.get_mut(MODEL).unwrap();
        model.applications.get_mut("katib-db").unwrap().life = life;
        let facts = facts(state, "auditor");
        let Known::Known(juju) = &facts.juju else { panic!("{:?}", facts.juju) };
        let Known::Known(applications) = &juju.applications else {
            panic!("{:?}", juju.applications)
        };
        // One that is dying is there and can be read.
        let is_read = applications.iter().any(|app| app.name == "katib-db");
        assert_eq!(is_read, life == Life::Dying);
        assert_eq!(applications.len(), if is_read { 7 } else { 6 });
        for id in ["JUJU-03", "AUTHN-12", "PSS-02"] {
            assert_eq!(verdicts(&facts, &policy())[id].0, Verdict::Pass, "{id}");
        }
    }
}

#[test]
fn superuser_without_model_access_cannot_read_applications() {
    let mut state = hardened(Juju::V3_6);
    state.models.get_mut(MODEL).unwrap().users.remove("auditor");
    let facts = facts(state, "auditor");
    let (verdict, reason) = &verdicts(&facts, &policy())["AUTHN-12"];
    assert_eq!(*verdict, Verdict::NotAssessed);
    assert!(reason.contains("Application.Get: permission denied"), "{reason}");
    let Known::Known(juju) = &facts.juju else { panic!("{:?}", facts.juju) };
    let shown = juju.unread_applications("kubeflow").unwrap();
    assert!(shown.contains("juju grant auditor read kubeflow"), "{shown}");
}

#[test]
fn rotate_runs_the_charms_action_and_prints_its_result() {
    let mut state = hardened(Juju::V3_6);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let record = |name: &'static str| -> juju_sim::controller::Action {
        let asked = asked.clone();
        std::sync::Arc::new(move |parameters: &serde_json::Map<String, Value>| {
            asked.lock().unwrap().push(json!({name: parameters}));
            if parameters.get("targets").cloned().unwrap_or_default() == json!("juju-user/nobody") {
                return Err("only the leader rotates credentials".into());
            }
            let results = json!({"status": "dex  prepared", "credentials": "[{\"credential\":\"dex\"}]",
                "plan": "dex: a new value would be written", "next": "the next hooks go on"});
            Ok(results.as_object().unwrap().clone())
        })
    };
    let mut charm = application("ckf-hardening", 1, &[]);
    charm.actions = ["rotate-credentials", "rotation-status"]
        .map(|name| (name.to_owned(), record(name)))
        .into();
    let model = state.models.get_mut(MODEL).unwrap();
    model.applications.insert("ckf-hardening".into(), charm);
    let controller = Controller::start(state).unwrap();
    let store = client_store(&controller);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("rotate").args(arguments);
        let output = command.env("JUJU_DATA", store.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let last = || asked.lock().unwrap().pop().unwrap();

    // Without a terminal nothing is rotated that was not said twice.
    let (code, _, refused) = run(&["dex"]);
    assert_eq!(code, Some(2));
    assert!(refused.contains("pass --yes to rotate"), "{refused}");
    assert!(asked.lock().unwrap().is_empty());

    let named = ["dex", "juju-user/alice", "--deliver", "registration", "--yes"];
    let (code, shown, progress) = run(&named);
    assert_eq!((code, shown.as_str()), (Some(0), "dex  prepared\n"), "{progress}");
    assert!(progress.contains("ckf-hardening/0 runs rotate-credentials"), "{progress}");
    assert_eq!(
        last(),
        json!({"rotate-credentials": {"targets": "dex,juju-user/alice",
            "deliver": "registration", "dry-run": false, "force": false}})
    );
    let (_, shown, _) = run(&["--dry-run"]);
    assert_eq!(shown, "dex: a new value would be written\n");
    assert_eq!(last()["rotate-credentials"], json!({"dry-run": true, "force": false}));
    let (_, shown, _) = run(&["--status", "--json"]);
    assert_eq!(shown, "[{\"credential\":\"dex\"}]\n");
    assert_eq!(last(), json!({"rotation-status": {}}));

    for (arguments, why) in [
        (&["juju-user/nobody", "--yes"][..], "only the leader rotates"),
        (&["--model", "there"], "shows no model there to"),
        (&["--application", "there"], "no unit of there"),
        (&["sesame"], "is not one of juju-user/NAME"),
    ] {
        let (code, shown, error) = run(arguments);
        assert_eq!((code, shown.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn users_action_shows_permissions_in_one_table() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        users_are_shown(juju);
    }
}

fn users_are_shown(juju: Juju) {
    let controller = Controller::start(neglected(juju)).unwrap();
    // A user of an identity provider has access to a cloud and to an offer only.
    controller.change(|state| {
        let cloud = state.clouds.get_mut("k8s").unwrap();
        cloud.insert("carol@external".into(), "add-model".into());
        state.offers[0].users.insert("carol@external".into(), "read".into());
    });
    controller.change(|state| state.users.get_mut("alice").unwrap().disabled = true);
    let store = client_store(&controller);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("users").args(arguments).env("JUJU_DATA", store.path());
        command.output().unwrap()
    };
    let output = run(&["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let users: Value = serde_json::from_slice(&output.stdout).unwrap();
    let names: Vec<_> =
        users["users"].as_array().unwrap().iter().map(|u| u["user"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "admin",
            "alice",
            "auditor",
            "carol@external",
            "everyone@external",
            "juju-metrics",
            "mallory",
            "pending"
        ],
        "{juju:?}"
    );
    let carol = &users["users"][3];
    assert_eq!(carol["clouds"], json!({"k8s": "add-model"}));
    assert_eq!(carol["offers"], json!({"admin/kubeflow.minio": "read"}));
    let mallory = &users["users"][6];
    assert_eq!(mallory["controller"], "superuser");
    assert_eq!(mallory["models"]["admin/kubeflow"], "admin");
    assert_eq!(mallory["offers"]["admin/kubeflow.minio"], "consume");
    assert_eq!(users["users"][0]["clouds"]["k8s"], "admin");
    let table = String::from_utf8(run(&[]).stdout).unwrap();
    for part in ["alice", "disabled", "admin/kubeflow: admin", "never"] {
        assert!(table.contains(part), "{part}:\n{table}");
    }
    let output = run(&["--controller", "there"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("controller there is not in the client store"), "{error}");
}

#[test]
fn refresh_stops_at_the_application_that_does_not_settle() {
    let mut state = hardened(Juju::V3_6);
    let model = state.models.get_mut(MODEL).unwrap();
    let image = |revision| {
        let resource = DeployedResource { revision: Some(revision), timestamp: ago(30) };
        BTreeMap::from([("oci-image".to_owned(), resource)])
    };
    for (name, charm) in
        [("dex-auth", "dex-auth"), ("istio-pilot", "istio-pilot"), ("minio", "minio")]
    {
        let application = model.applications.get_mut(name).unwrap();
        application.can_upgrade_to = format!("ch:amd64/{charm}-700");
        application.resources = image(1);
        let revisions = [(612, 1), (700, 9)].map(|(revision, image)| CharmRevision {
            revision,
            resources: BTreeMap::from([("oci-image".to_owned(), image)]),
        });
        state.charmhub.insert(charm.into(), revisions.to_vec());
    }
    // A user gave MinIO an image of their own.
    let minio = model.applications.get_mut("minio").unwrap();
    minio.resources.get_mut("oci-image").unwrap().revision = None;
    minio.after_refresh = Some(("blocked".into(), "no storage".into()));
    let controller = Controller::start(state).unwrap();
    let store = client_store(&controller);
    let run = |status: i32, arguments: &[&str]| {
        let mut command = Command::new(binary());
        command.arg("refresh").args(arguments).env("JUJU_DATA", store.path());
        let output = command.output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(status), "{text}");
        text
    };
    let charms = || {
        controller.state(|state| {
            let applications = &state.models[MODEL].applications;
            ["istio-pilot", "minio", "dex-auth"].map(|name| {
                let app = &applications[name];
                (app.charm.clone(), app.resources["oci-image"].revision)
            })
        })
    };
    let before = charms();

    // Nothing is done that was not asked for.
    let text = run(1, &[]);
    assert!(text.contains("dex-auth: ch:amd64/dex-auth-612 -> ch:amd64/dex-auth-700"), "{text}");
    assert_eq!(charms(), before);

    // In the order of the guide, and no further than the first that does not settle.
    let text = run(2, &["--all"]);
    assert!(text.contains("pass --yes to refresh"), "{text}");
    assert_eq!(charms(), before);
    let text = run(2, &["--all", "--yes"]);
    assert!(text.contains("istio-pilot: settled"), "{text}");
    assert!(text.contains("minio: minio/0 is blocked: no storage after the refresh"), "{text}");
    let [pilot, minio, dex] = charms();
    assert_eq!(pilot, ("ch:amd64/istio-pilot-700".into(), Some(9)));
    assert_eq!(minio, ("ch:amd64/minio-700".into(), None), "what a user gave stays");
    assert_eq!(dex, before[2]);

    // What is in trouble is not touched.
    let text = run(2, &["minio", "--yes"]);
    assert!(text.contains("minio is not refreshed: minio/0 is blocked: no storage"), "{text}");
    run(0, &["dex-auth", "--revision", "612", "--yes"]);
    assert_eq!(charms()[2], ("ch:amd64/dex-auth-612".into(), Some(1)));
    let text = run(2, &["dex-auth", "--revision", "5", "--yes"]);
    assert!(text.contains("has no revision 5"), "{text}");
    assert!(run(2, &["nobody"]).contains("has no application nobody"));
}
