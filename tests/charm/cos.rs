//! Relations with COS and with Kubeflow's dashboard, as the peers' own libraries and tools
//! read them; and the agent in its container, with its input.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ckf_hardening::catalog;
use ckf_test_support::binary;
use ckf_test_support::pebble::given;
use ckf_worlds::World;
use juju_sim::{Event, Relation, Simulation};
use serde_json::{Value, json};

const PEERS: [(u32, &str, &str); 6] = [
    (11, "metrics-endpoint", "grafana-agent-k8s"),
    (12, "grafana-dashboard", "grafana-agent-k8s"),
    (13, "logging", "grafana-agent-k8s"),
    (14, "catalogue", "catalogue"),
    (15, "ingress", "istio-pilot"),
    (16, "dashboard-links", "kubeflow-dashboard"),
];

fn unit() -> Simulation {
    let files = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut unit = Simulation::new(files, binary()).unwrap();
    unit.environment.insert("KUBECONFIG".into(), "/nowhere".into());
    unit.set_option("offline", true);
    unit.set_option("external-hostname", "kubeflow.example.com");
    for (id, endpoint, application) in PEERS {
        unit.change(|model| model.relations.push(Relation::new(id, endpoint, application, 1)));
    }
    // istio-pilot states what it supports before anything else.
    unit.change(|model| {
        let ingress = model.relations.iter_mut().find(|relation| relation.id == 15).unwrap();
        ingress.remote_application_data.insert("_supported_versions".into(), "- v1\n- v2\n".into());
    });
    unit
}

fn fire(unit: &mut Simulation, event: &Event) -> Vec<String> {
    let outcome = unit.run(event);
    assert!(outcome.committed(), "{outcome:?}");
    outcome.calls.into_iter().map(|call| call.tool).collect()
}

fn relation(unit: &Simulation, id: u32) -> Relation {
    unit.model().relation(id).unwrap().clone()
}

fn changed(unit: &mut Simulation, id: u32) -> Vec<String> {
    let event = Event::relation(&relation(unit, id), "changed", None);
    fire(unit, &event)
}

fn published(unit: &Simulation, id: u32) -> BTreeMap<String, String> {
    relation(unit, id).application_data
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Runs promtool in a folder with these files, and returns what it says.
fn promtool(arguments: &[&str], files: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let output = Command::new(test_programs::debian::program("prometheus", "promtool").unwrap())
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn databags_are_read_by_the_peers_libraries_and_written_once() {
    let mut unit = unit();
    fire(&mut unit, &Event::hook("upgrade-charm"));
    let metrics = published(&unit, 11);
    let jobs = parsed(&metrics["scrape_jobs"]);
    assert_eq!(jobs[0]["static_configs"][0]["targets"], json!(["*:8090"]));
    let of_unit = relation(&unit, 11).unit_data;
    assert!(!of_unit["prometheus_scrape_unit_address"].is_empty(), "{of_unit:?}");
    assert_eq!(of_unit["prometheus_scrape_unit_name"], "ckf-hardening/0");
    let rules = [("rules.json", metrics["alert_rules"].as_str())];
    let said = promtool(&["check", "rules", "rules.json"], &rules);
    assert!(said.contains(&format!("{} rules found", 13)), "{said}");
    let catalogue = published(&unit, 14);
    assert_eq!(catalogue["url"], "https://kubeflow.example.com/hardening/");

    let read = read_by_peers(&json!({
        "metadata": parsed(&metrics["scrape_metadata"]),
        "dashboards": parsed(&published(&unit, 12)["dashboards"]),
        "ingress": published(&unit, 15),
        "ingress_unit": relation(&unit, 15).unit_data,
        "links": parsed(&published(&unit, 16)["dashboard_links"]),
        "logs": {"metadata": parsed(&published(&unit, 13)["metadata"]), "rules": parsed(&published(&unit, 13)["alert_rules"])},
    }));
    assert_eq!(
        read["identifier"],
        json!(format!("kubeflow_{}_ckf-hardening", &unit.model().uuid[..8]))
    );
    assert_eq!(read["dashboards"], json!(["Hardening of Charmed Kubeflow"]));
    assert_eq!(read["ingress"]["service"], "ckf-hardening");
    assert_eq!(read["ingress"]["port"], 8090);

    // The same again writes nothing, for each byte wakes the peer.
    for id in [11, 12, 13, 14, 15, 16] {
        let calls = changed(&mut unit, id);
        assert!(!calls.contains(&"relation-set".to_owned()), "{id}: {calls:?}");
    }
    // One who leads no longer leaves it to the other.
    unit.change(|model| model.leader = false);
    unit.change(|model| {
        model.relations.iter_mut().for_each(|relation| relation.application_data.clear())
    });
    changed(&mut unit, 11);
    assert!(published(&unit, 11).is_empty());
    unit.change(|model| model.leader = true);
    fire(&mut unit, &Event::hook("leader-elected"));
    for (id, ..) in PEERS {
        assert!(!published(&unit, id).is_empty(), "{id}");
    }
}

#[test]
fn dashboard_link_needs_a_route_of_an_ingress() {
    let mut unit = unit();
    let answers = |unit: &mut Simulation, key: &str, value: &str| {
        unit.change(|model| {
            let ingress = model.relations.iter_mut().find(|relation| relation.id == 15).unwrap();
            ingress.remote_application_data = BTreeMap::from([(key.into(), value.into())]);
        });
        changed(unit, 15);
        let links = parsed(&published(unit, 16)["dashboard_links"]);
        (published(unit, 14)["url"].clone(), links)
    };
    // One that has answered nothing yet: no link leads to a page that is not there.
    let inside = "http://ckf-hardening.kubeflow.svc.cluster.local:8090/";
    assert_eq!(answers(&mut unit, "other", "x"), (inside.to_owned(), json!([])));
    let message = unit.model().status.message.clone();
    assert!(message.contains("istio-pilot has made no route to the report page yet"), "{message}");
    let (url, links) = answers(&mut unit, "_supported_versions", "- v2\n");
    assert_eq!(url, "https://kubeflow.example.com/hardening/");
    assert_eq!(links[0]["link"], "/hardening/");
    let route = r#"{"url": "https://kubeflow.example.com/kubeflow-ckf-hardening"}"#;
    let (url, links) = answers(&mut unit, "ingress", route);
    assert_eq!(url, "https://kubeflow.example.com/kubeflow-ckf-hardening/");
    assert_eq!(links[0]["link"], "/kubeflow-ckf-hardening/");
    assert!(!unit.model().status.message.contains("no route"));
    // A relation that goes takes the links with it.
    let broken = Event::relation(&relation(&unit, 15), "broken", None);
    fire(&mut unit, &broken);
    assert_eq!(published(&unit, 14)["url"], inside);
    assert_eq!(parsed(&published(&unit, 16)["dashboard_links"]), json!([]));
    let message = unit.model().status.message.clone();
    assert!(message.contains("dashboard-links has no link without ingress"), "{message}");
}

#[test]
fn alert_rules_refused_by_a_peer_show_in_the_status() {
    let mut unit = unit();
    fire(&mut unit, &Event::hook("upgrade-charm"));
    unit.change(|model| {
        let relation = model.relations.iter_mut().find(|relation| relation.id == 11).unwrap();
        let answer = r#"{"errors": "group x, rule 0: could not parse expression"}"#;
        relation.remote_application_data.insert("event".into(), answer.into());
    });
    changed(&mut unit, 11);
    let status = unit.model().status.clone();
    assert!(
        status
            .message
            .contains("grafana-agent-k8s rejects the databag of metrics-endpoint: group x, rule 0"),
        "{}",
        status.message
    );
}

#[test]
fn route_to_the_report_reaches_the_agent_in_the_same_hook() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let mut unit = unit();
    let kubeconfig = sandbox.kubeconfig("admin");
    unit.environment.insert("KUBECONFIG".into(), kubeconfig.into());
    unit.start_pebble("hardening", &[]);
    unit.change(|model| model.relations.clear());
    fire(&mut unit, &Event::pebble_ready("hardening"));
    let shows = |unit: &Simulation| {
        let given_input = given(unit.pebble("hardening"))
            .into_iter()
            .find(|(name, _)| name.ends_with("input.json"));
        given_input.map(|(_, given_input)| given_input["publishes-report"].clone())
    };
    assert_eq!(shows(&unit), Some(json!(false)));
    let ingress = Relation::new(15, "ingress", "istio-pilot", 1);
    unit.change(|model| model.relations.push(ingress));
    changed(&mut unit, 15);
    assert_eq!(shows(&unit), Some(json!(true)));
    let broken = Event::relation(&relation(&unit, 15), "broken", None);
    fire(&mut unit, &broken);
    assert_eq!(shows(&unit), Some(json!(false)));
}

#[test]
fn gateway_removed_by_istio_pilot_shows_in_the_status() {
    let mut unit = unit();
    let mut gateway = Relation::new(17, "gateway-info", "istio-pilot", 1);
    let shown = [
        ("gateway_name", "kubeflow-gateway"),
        ("gateway_namespace", "kubeflow"),
        ("gateway_up", "false"),
    ];
    let shown = shown.map(|(key, value)| (key.to_owned(), value.to_owned()));
    gateway.remote_application_data.extend(shown);
    unit.change(|model| model.relations.push(gateway));
    changed(&mut unit, 17);
    let said = "istio-pilot has removed the Gateway kubeflow/kubeflow-gateway";
    let status = unit.model().status.clone();
    assert!(status.message.contains(said), "{}", status.message);
    unit.change(|model| {
        let relation = model.relations.iter_mut().find(|relation| relation.id == 17).unwrap();
        relation.remote_application_data.insert("gateway_up".into(), "true".into());
    });
    changed(&mut unit, 17);
    let status = unit.model().status.clone();
    assert!(!status.message.contains(said), "{}", status.message);
}

/// Has the peers' libraries read what we wrote.
fn read_by_peers(wrote: &Value) -> Value {
    let packages = ["cosl==1.11.3", "serialized-data-interface==0.7.0"];
    let programs = test_programs::python::programs("cos", &packages).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/cos.py");
    let mut python = Command::new(programs.join("python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    python.stdin.take().unwrap().write_all(wrote.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn each_alert_fires_when_it_should_and_not_before() {
    let groups = catalog::alerts("hardening");
    let rules = json!({"groups": groups.iter().map(|(name, rules)| json!({"name": name, "rules": rules})).collect::<Vec<_>>()});
    let tests = include_str!("cos/alerts_test.yaml");
    let files = [("rules.yaml", rules.to_string()), ("test.yaml", tests.to_owned())];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    promtool(&["test", "rules", "test.yaml"], &files);
    // Each alert is tried both ways, and has a page for those it wakes.
    let parsed: Value = serde_yaml::from_str(tests).unwrap();
    let tried = parsed["tests"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|test| test["alert_rule_test"].as_array().unwrap());
    let tried: Vec<(&str, bool)> = tried
        .map(|test| {
            (
                test["alertname"].as_str().unwrap(),
                test["exp_alerts"].as_array().is_some_and(|a| !a.is_empty()),
            )
        })
        .collect();
    let metadata: Value = serde_yaml::from_str(include_str!("../../metadata.yaml")).unwrap();
    let pages = format!("{}/docs/runbooks-", metadata["website"].as_str().unwrap());
    assert!(pages.starts_with("https://"));
    let of_logs = catalog::alerts("logs");
    let all = groups.iter().chain(&of_logs).flat_map(|(_, rules)| rules.as_array().unwrap());
    for rule in all {
        let name = rule["alert"].as_str().unwrap();
        // Alertmanager's templates, Karma and PagerDuty link to this annotation.
        let url = rule["annotations"]["runbook_url"].as_str().unwrap();
        let page = url.strip_prefix(&pages).unwrap_or_else(|| panic!("{name}: {url}"));
        let page = format!("docs/runbooks/{page}.md");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&page).exists(), "{name}: {page}");
        if !of_logs.iter().any(|(_, rules)| rules.as_array().unwrap().contains(rule)) {
            assert!(
                tried.contains(&(name, true)) && tried.contains(&(name, false)),
                "{name}: {tried:?}"
            );
        }
    }
}

#[test]
fn agent_in_its_container_gets_what_only_the_charm_reads() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let mut unit = unit();
    unit.environment.insert("KUBECONFIG".into(), sandbox.kubeconfig("admin").into());
    // Before its container is there nothing is lost.
    fire(&mut unit, &Event::hook("upgrade-charm"));
    fire(&mut unit, &Event::hook("config-changed"));
    unit.start_pebble("hardening", &[]);
    fire(&mut unit, &Event::pebble_ready("hardening"));
    let gave = given(unit.pebble("hardening"));
    let agent_input =
        &gave.iter().find(|(name, _)| name == "/var/lib/ckf-hardening/input.json").unwrap().1;
    assert_eq!(
        (&agent_input["namespace"], &agent_input["is-leader"]),
        (&json!("kubeflow"), &json!(true))
    );
    // A way to the report is related.
    assert_eq!(agent_input["publishes-report"], true);
    assert_eq!(agent_input["options"]["external-hostname"], "kubeflow.example.com");
    let layer = &gave.iter().find(|(name, _)| name == "ckf-hardening").unwrap().1;
    let command = layer["services"]["agent"]["command"].as_str().unwrap();
    assert_eq!(
        command,
        "/usr/bin/ckf-hardening serve --listen 0.0.0.0:8090 --input /var/lib/ckf-hardening"
    );
    assert_eq!(layer["checks"]["agent"]["http"]["url"], "http://127.0.0.1:8090/healthz");

    // With nothing new it is left alone.
    fire(&mut unit, &Event::hook("update-status"));
    assert_eq!(given(unit.pebble("hardening")), []);
    let services = unit.pebble("hardening").services();
    assert_eq!(services["agent"], "active");
    unit.set_option("tls-min-version", "1.3");
    fire(&mut unit, &Event::hook("config-changed"));
    let gave = given(unit.pebble("hardening"));
    assert_eq!(gave[0].1["options"]["tls-min-version"], "1.3");

    // Logs go where Loki says, and no longer when it is gone.
    unit.change(|model| {
        let relation = model.relations.iter_mut().find(|relation| relation.id == 13).unwrap();
        let endpoint = r#"{"url": "http://loki-0.loki:3100/loki/api/v1/push"}"#;
        let databag = BTreeMap::from([("endpoint".to_owned(), endpoint.to_owned())]);
        relation.remote_units.insert("grafana-agent-k8s/0".into(), databag);
    });
    changed(&mut unit, 13);
    let gave = given(unit.pebble("hardening"));
    let target = |gave: &[(String, Value)]| {
        let layer = gave.iter().find(|(name, _)| name == "hardening-log-forwarding");
        layer.unwrap().1["log-targets"]["grafana-agent-k8s/0"].clone()
    };
    let forwards = target(&gave);
    assert_eq!(forwards["location"], "http://loki-0.loki:3100/loki/api/v1/push");
    assert_eq!(forwards["labels"]["juju_unit"], "ckf-hardening/0");
    let broken = Event::relation(&relation(&unit, 13), "broken", None);
    fire(&mut unit, &broken);
    let removed = target(&given(unit.pebble("hardening")));
    assert_eq!(
        (&removed["services"], &removed["location"]),
        (&json!(["-all"]), &json!("(removed)"))
    );

    // Another unit leads: this one's agent must know at once.
    unit.change(|model| model.relations.retain(|relation| relation.id != 13));
    unit.change(|model| model.leader = false);
    fire(&mut unit, &Event::hook("update-status"));
    assert_eq!(given(unit.pebble("hardening"))[0].1["is-leader"], false);
    unit.change(|model| model.leader = true);
    fire(&mut unit, &Event::hook("leader-elected"));
    assert_eq!(given(unit.pebble("hardening"))[0].1["is-leader"], true);
}
