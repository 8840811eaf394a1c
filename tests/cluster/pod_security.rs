//! Pod Security Standards as this program assesses them beside the API server's own admission: pods
//! by chance, each tried in a namespace of either standard, and no difference in any reason.

use std::collections::BTreeSet;

use ckf_hardening::facts::core::Pod;
use ckf_hardening::views::pod_security::{OVERRIDDEN, baseline, restricted};
use ckf_test_support::chance::Chance;
use ckf_worlds::object;
use kube_sandbox::{Refused, Sandbox};
use serde_json::{Value, json};

/// Pods that are tried.
const PODS: usize = 1400;

/// A container that the restricted standard takes.
fn container(name: &str) -> Value {
    json!({"name": name, "image": "example.com/x:1", "securityContext": {
        "allowPrivilegeEscalation": false, "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}}})
}

fn profiles() -> Vec<Value> {
    let named = json!({"type": "Localhost", "localhostProfile": "x"});
    vec![json!({"type": "Unconfined"}), json!({"type": "RuntimeDefault"}), named]
}

fn selinux() -> Vec<Value> {
    vec![
        json!({"type": "container_t"}),
        json!({"type": "container_engine_t"}),
        json!({"type": "spc_t"}),
        json!({"user": "system_u"}),
        json!({"role": "system_r", "type": "container_init_t"}),
        json!({"level": "s0:c1"}),
    ]
}

/// Changes one thing of a container.
fn change_container(chance: &mut Chance, container: &mut Value) {
    let security = &mut container["securityContext"];
    match chance.number(18) {
        0 => {
            // The API server refuses both together.
            security["allowPrivilegeEscalation"] = Value::Null;
            security["privileged"] = chance.pick(&[json!(true), json!(false)]);
        }
        1 => security["runAsUser"] = chance.pick(&[json!(0), json!(1000)]),
        2 => security["runAsNonRoot"] = chance.pick(&[json!(false), json!(true), Value::Null]),
        3 => security["allowPrivilegeEscalation"] = chance.pick(&[json!(true), Value::Null]),
        4 | 5 => {
            let names = ["NET_ADMIN", "CHOWN", "NET_BIND_SERVICE", "SYS_ADMIN", "CAP_CHOWN", "ALL"];
            let name = names[chance.number(names.len())];
            security["capabilities"]["add"] = json!([name]);
        }
        6 => {
            security["capabilities"] =
                chance.pick(&[Value::Null, json!({"drop": ["NET_RAW"]}), json!({})])
        }
        7 => security["procMount"] = chance.pick(&[json!("Default"), json!("Unmasked")]),
        8 => security["seccompProfile"] = chance.pick(&profiles()),
        9 => security["seccompProfile"] = Value::Null,
        10 => security["appArmorProfile"] = chance.pick(&profiles()),
        11 => security["seLinuxOptions"] = chance.pick(&selinux()),
        12 => {
            let own = json!({"containerPort": 8080});
            let host = json!({"containerPort": 8080, "hostPort": 8080});
            container["ports"] = json!([chance.pick(&[own, host])]);
        }
        13 => container["securityContext"] = Value::Null,
        14 => {
            let host = chance.pick(&[json!(""), json!("10.0.0.1")]);
            container["lifecycle"] = json!({"preStop": {"httpGet": {"port": 80, "host": host}}});
        }
        15 => container["lifecycle"] = json!({"postStart": {"exec": {"command": ["true"]}}}),
        16 => {
            // Init containers have no probes.
            if container["name"] == "main" {
                let host = chance.pick(&[json!(""), json!("example.com")]);
                let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
                let probe = probes[chance.number(probes.len())];
                container[probe] = json!({"tcpSocket": {"port": 80, "host": host}});
            }
        }
        _ => {
            security["windowsOptions"] = json!({"runAsUserName": "x"});
        }
    }
}

/// Changes one thing of a pod.
fn change_pod(chance: &mut Chance, pod: &mut Value) {
    let spec = &mut pod["spec"];
    match chance.number(17) {
        0 => spec["hostNetwork"] = true.into(),
        1 => spec["hostPID"] = true.into(),
        2 => spec["hostIPC"] = true.into(),
        3 => {
            let volumes = [
                json!({"hostPath": {"path": "/var"}}),
                json!({"nfs": {"server": "x", "path": "/"}}),
                json!({"emptyDir": {}}),
                json!({"secret": {"secretName": "x"}}),
                json!({"iscsi": {"targetPortal": "10.0.0.1:3260", "iqn": "iqn.2001-04.com.example:x", "lun": 0}}),
                json!({"projected": {"sources": []}}),
                json!({"csi": {"driver": "x.example.com"}}),
                json!({"persistentVolumeClaim": {"claimName": "x"}}),
                json!({"downwardAPI": {"items": []}}),
                json!({"configMap": {"name": "x"}}),
                json!({"fc": {"targetWWNs": ["x"], "lun": 0}}),
            ];
            let mut volume = chance.pick(&volumes);
            volume["name"] = "data".into();
            spec["volumes"] = json!([volume]);
        }
        4 => spec["securityContext"]["runAsUser"] = chance.pick(&[json!(0), json!(7)]),
        5 => spec["securityContext"]["runAsNonRoot"] = chance.pick(&[json!(false), json!(true)]),
        6 => spec["securityContext"]["seccompProfile"] = chance.pick(&profiles()),
        7 => spec["securityContext"]["appArmorProfile"] = chance.pick(&profiles()),
        8 => spec["securityContext"]["seLinuxOptions"] = chance.pick(&selinux()),
        9 => {
            let names = [
                "kernel.shm_rmid_forced",
                "net.ipv4.tcp_rmem",
                "kernel.msgmax",
                "net.core.somaxconn",
            ];
            let name = names[chance.number(names.len())];
            spec["securityContext"]["sysctls"] = json!([{"name": name, "value": "1"}]);
        }
        10 => {
            spec["hostUsers"] = chance.pick(&[json!(false), json!(true)]);
            // Without users of its own a pod may not have it.
            if spec["hostUsers"] == false && chance.number(2) == 0 {
                spec["containers"][0]["securityContext"]["procMount"] = "Unmasked".into();
            }
        }
        11 => {
            let values = ["unconfined", "runtime/default", "localhost/x"];
            let value = values[chance.number(values.len())];
            let key = "container.apparmor.security.beta.kubernetes.io/main";
            pod["metadata"]["annotations"] = json!({ key: value });
        }
        12 => spec["os"] = json!({"name": "linux"}),
        13 => {
            // Most of what Linux has may not be set then.
            let main = json!({"name": "main", "image": "example.com/x:1"});
            let is_host = chance.number(2) == 0;
            *spec = json!({"os": {"name": "windows"}, "containers": [main], "hostNetwork": is_host,
                "securityContext": {"runAsNonRoot": true, "windowsOptions": {"hostProcess": is_host}}});
        }
        _ => {
            let mut more = container("more");
            change_container(chance, &mut more);
            spec["containers"].as_array_mut().unwrap().push(more);
        }
    }
}

fn pod(chance: &mut Chance) -> Value {
    let mut pod = object(
        "v1",
        "Pod",
        "x",
        "p",
        json!({"spec": {"containers": [container("main")],
        "initContainers": [container("first")], "securityContext": {}}}),
    );
    for _ in 0..chance.number(4) {
        if chance.number(2) == 0 {
            change_pod(chance, &mut pod);
        } else {
            let lists = ["containers", "initContainers"];
            // A pod of Windows has none to start with.
            if let Some(list) = pod["spec"].get_mut(lists[chance.number(2)]) {
                change_container(chance, &mut list[0]);
            }
        }
    }
    pod
}

const REASONS: [&str; 17] = [
    "allowPrivilegeEscalation != false",
    "forbidden AppArmor profile",
    "forbidden sysctls",
    "host namespaces",
    "hostPath volumes",
    "hostPort",
    "hostProcess",
    "non-default capabilities",
    "privileged",
    "probe or lifecycle host",
    "procMount",
    "restricted volume types",
    "runAsNonRoot != true",
    "runAsUser=0",
    "seLinuxOptions",
    "seccompProfile",
    "unrestricted capabilities",
];

/// The reasons in the API server's answer.
fn reasons(refusal: &str) -> BTreeSet<&'static str> {
    let (_, reasons) = refusal.split_once("violates PodSecurity").unwrap_or_default();
    let is_given = |reason: &&str| {
        reasons.contains(&format!(" {reason} (")) || reasons.contains(&format!(" {reason}s ("))
    };
    REASONS.into_iter().filter(is_given).collect()
}

#[test]
fn standards_are_as_the_api_server_admits() {
    let sandbox = Sandbox::start().expect("the API server starts");
    let loader = sandbox.loader().unwrap();
    let standards = ["baseline", "restricted"];
    let namespaces = standards.map(|level| {
        let labels = json!({"pod-security.kubernetes.io/enforce": level});
        object("v1", "Namespace", "", level, json!({"metadata": {"labels": labels}}))
    });
    loader.load(&namespaces).unwrap();
    let mut chance = Chance(20_261_128);
    let pods: Vec<Value> = (0..PODS).map(|_| pod(&mut chance)).collect();
    let (mut assessed, mut refused, mut invalid) = (0, 0, 0);
    let mut met = BTreeSet::new();
    let mut differences = Vec::new();
    for level in standards {
        let path = format!("/api/v1/namespaces/{level}/pods?dryRun=All");
        let posted = pods.iter().map(|pod| {
            let mut pod = pod.clone();
            pod["metadata"]["namespace"] = level.into();
            (path.clone(), pod)
        });
        let answers = loader.post_all(&posted.collect::<Vec<_>>()).unwrap();
        for (pod, answer) in pods.iter().zip(answers) {
            let seen = match &answer {
                Ok(_) => BTreeSet::new(),
                Err(Refused(why)) if why.contains("violates PodSecurity") => reasons(why),
                Err(_) => {
                    invalid += 1;
                    continue;
                }
            };
            let typed: Pod = serde_json::from_value(pod.clone()).unwrap();
            let mut expected: BTreeSet<&str> = baseline(&typed).iter().map(|v| v.reason).collect();
            if level == "restricted" {
                expected.retain(|reason| !OVERRIDDEN.contains(reason));
                expected.extend(restricted(&typed).iter().map(|v| v.reason));
            }
            assessed += 1;
            refused += usize::from(answer.is_err());
            met.extend(seen.iter().copied());
            if seen != expected {
                differences.push(format!("{level}: {seen:?}, not {expected:?}: {pod} {answer:?}"));
            }
        }
    }
    println!("{assessed} pods assessed, {refused} refused, {invalid} invalid; reasons: {met:?}");
    let shown: Vec<&String> = differences.iter().take(5).collect();
    assert!(differences.is_empty(), "{} differ: {shown:#?}", differences.len());
    assert!(
        assessed >= 2000 && refused > 500 && refused < assessed,
        "{assessed} {refused} {invalid}"
    );
    assert_eq!(met.into_iter().collect::<Vec<_>>(), REASONS);
}
