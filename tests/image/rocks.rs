//! Which images run, which were meant to, and which are newest: a real registry behind a
//! mirror, Charmhub as it answers, and a platform that is described by a snapshot or by Juju.

use std::collections::BTreeMap;
use std::path::Path;

use ckf_hardening::facts::charmhub::{Charmhub, Head};
use ckf_hardening::facts::dpkg::Packages;
use ckf_hardening::facts::juju::{Application, Juju, Resource, Setting};
use ckf_hardening::facts::known::{Known, Unknown};
use ckf_hardening::facts::registry::{Rock, Rocks};
use ckf_hardening::facts::{About, Facts, snapshot};
use ckf_hardening::images::Inventory;
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use ckf_worlds::World;
use registry_sandbox::{Answer, Front, Image, Registry};
use serde_json::{Value, json};

const TRAINING: &str = "docker.io/charmedkubeflow/training-operator:1.9.3-9e9ea13";
const OS_22_04: &str = "# os-release\nID=ubuntu\nVERSION_ID=\"22.04\"\n# dpkg-query\n";

/// A rock that has one package.
fn rock(name: &str) -> Image {
    let list = format!("{OS_22_04}ii ,libssl3,3.0.2-0ubuntu1.9,openssl,3.0.2-0ubuntu1.9\n");
    Image::default().file("usr/bin/program", name).layer().file("usr/share/rocks/dpkg.query", list)
}

/// A stock platform whose images are in a registry, and a snapshot of it.
struct Platform {
    registry: Registry,
    objects: Vec<Value>,
    juju: Option<Juju>,
    directory: tempfile::TempDir,
}

impl Platform {
    fn new() -> Self {
        let registry = Registry::start().unwrap();
        let mut platform = Self {
            registry,
            objects: World::stock("1.10").objects,
            juju: None,
            directory: tempfile::tempdir().unwrap(),
        };
        for reference in Inventory::of(&platform.facts()).references() {
            // What is pinned by digest is not asked for.
            let Some(tag) = reference.tag.clone() else { continue };
            let name = reference.to_string();
            let digest = platform.push(&reference.repository, &tag, &rock(&name));
            platform.runs(&name, &digest);
        }
        platform
    }

    fn facts(&self) -> Facts {
        let about = About {
            collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
            namespace: "kubeflow".into(),
        };
        let mut facts = Facts::from_objects(about, &self.objects);
        facts.juju = self.juju.clone().map_or(Known::default(), Known::Known);
        facts
    }

    /// Puts an image where its mirror looks for it.
    fn push(&self, repository: &str, tag: &str, image: &Image) -> String {
        self.registry.push(&mirrored(repository), tag, image).unwrap()
    }

    /// Every container that asks for an image runs this digest.
    fn runs(&mut self, image: &str, digest: &str) {
        for pod in self.objects.iter_mut().filter(|object| object["kind"] == "Pod") {
            let mut of_image = Vec::new();
            for containers in ["containers", "initContainers"] {
                let all = pod["spec"][containers].as_array().into_iter().flatten();
                of_image.extend(
                    all.filter(|container| is_image(container["image"].as_str().unwrap(), image))
                        .map(|container| container["name"].clone()),
                );
            }
            for statuses in ["containerStatuses", "initContainerStatuses"] {
                for status in pod["status"][statuses].as_array_mut().into_iter().flatten() {
                    if of_image.contains(&status["name"]) {
                        status["imageID"] = format!("{image}@{digest}").into();
                    }
                }
            }
        }
    }

    /// Runs `rocks` on a snapshot of it.
    fn rocks(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let directory = self.directory.path().join("snapshot");
        snapshot::write(&self.facts(), &directory).unwrap();
        let mut all = vec!["rocks".to_owned(), "--from".into(), text(&directory)];
        for host in ["docker.io", "ghcr.io", "registry.k8s.io"] {
            all.push(format!(
                "--registry-mirror={host}={}/{}",
                self.registry.address(),
                host.replace('.', "-")
            ));
        }
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let output = ckf_test_support::run(&all);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (_, out, error) = self.rocks(&[&["--json"], arguments].concat());
        serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out} {error}"))
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// The table breaks lines where a column ends.
fn words(table: &str) -> String {
    table.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn mirrored(repository: &str) -> String {
    let (host, path) = repository.split_once('/').unwrap();
    format!("{}/{path}", host.replace('.', "-"))
}

fn is_image(written: &str, normalised: &str) -> bool {
    normalised == written || normalised.strip_prefix("docker.io/") == Some(written)
}

fn row<'a>(report: &'a Value, application: &str) -> &'a Value {
    let rows = report["images"].as_array().unwrap();
    rows.iter()
        .find(|row| row["application"] == application)
        .unwrap_or_else(|| panic!("no row of {application}"))
}

#[test]
fn tag_moved_since_deployment_is_a_finding() {
    let mut platform = Platform::new();
    let (status, out, error) = platform.rocks(&[]);
    assert_eq!(status, Some(0), "{out}{error}");
    // The mirror does not have the one that is pinned by digest.
    assert!(out.contains(" 0 not as intended, 0 with updates, 1 without"), "{out}");
    assert!(out.contains("built 2026-01-02"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 120), "{out}");

    let moved = platform.push(
        "docker.io/charmedkubeflow/training-operator",
        "1.9.3-9e9ea13",
        &rock("another"),
    );
    let (status, out, _) = platform.rocks(&[]);
    assert_eq!(status, Some(1), "{out}");
    assert!(words(&out).contains(&format!("MOVED: tag now {}", &moved[7..19])), "{out}");
    let report = platform.json(&[]);
    let training = row(&report, "training-operator");
    assert_eq!(training["image"], TRAINING);
    assert_eq!(training["states"][0]["registry"], moved);

    // When the node pulled what the tag leads to, the image is expected again.
    platform.runs(TRAINING, &moved);
    assert_eq!(platform.rocks(&[]).0, Some(0));
    // Offline nothing is asked, and nothing is made up.
    let offline = platform.json(&["--offline"]);
    assert_eq!(offline["requests"], 0);
    assert_eq!(row(&offline, "training-operator")["created"], Value::Null);
}

#[test]
fn pods_running_unrequested_or_differing_digests_are_findings() {
    let mut platform = Platform::new();
    let other = format!("sha256:{}", "9".repeat(64));
    for object in &mut platform.objects {
        if object["kind"] == "Pod" && object["metadata"]["name"] == "kfp-api-0" {
            object["status"]["containerStatuses"][1]["imageID"] = format!("x@{other}").into();
        }
    }
    let mut second = platform
        .objects
        .iter()
        .find(|o| {
            o["kind"] == "Pod"
                && o["metadata"]["name"].as_str().unwrap().starts_with("training-operator-6d")
        })
        .unwrap()
        .clone();
    second["metadata"]["name"] = "training-operator-6d4cf56db6-other".into();
    second["status"]["containerStatuses"][0]["imageID"] = format!("x@{other}").into();
    platform.objects.push(second);
    let report = platform.json(&["--offline"]);
    let rows = report["images"].as_array().unwrap();
    let wrong: Vec<&Value> = rows.iter().filter(|row| row["states"] != json!([])).collect();
    let shown: Vec<_> = wrong
        .iter()
        .map(|row| {
            (row["application"].as_str().unwrap(), row["states"][0]["state"].as_str().unwrap())
        })
        .collect();
    assert_eq!(shown, [("kfp-api", "not-as-asked"), ("training-operator", "differs")]);
}

#[test]
fn lock_is_checked_without_any_registry() {
    let mut platform = Platform::new();
    let lock = text(&platform.directory.path().join("rocks.lock"));
    assert_eq!(platform.rocks(&["--lock", &lock]).0, Some(0));
    let written = std::fs::read_to_string(&lock).unwrap();
    assert!(written.contains(&format!("reference: {TRAINING}")), "{written}");
    assert!(written.contains("created: 2026-01-02T03:04:05Z"), "{written}");
    let verified = |platform: &Platform| platform.rocks(&["--offline", "--verify", &lock]);
    let (status, out, _) = verified(&platform);
    assert_eq!(status, Some(0), "{out}");

    platform.runs(TRAINING, &format!("sha256:{}", "9".repeat(64)));
    let (status, out, _) = verified(&platform);
    assert_eq!(status, Some(1), "{out}");
    let line = out.lines().find(|line| line.starts_with("differs from lock: ")).unwrap();
    assert!(line.contains("training-operator training-operator: runs sha256:9999"), "{line}");

    std::fs::write(&lock, "version: 9\nimages: []\n").unwrap();
    let (status, _, error) = verified(&platform);
    assert_eq!(status, Some(2));
    assert!(error.contains("rocks.lock: lock version 9 is not supported"), "{error}");
}

#[test]
fn rock_packages_are_read_from_its_registry_and_matched_with_advisories() {
    let platform = Platform::new();
    let advisories = platform.directory.path().join("osv");
    std::fs::create_dir(&advisories).unwrap();
    let advisory = json!({"id": "UBUNTU-CVE-2026-1", "severity": [{"type": "Ubuntu", "score": "high"}],
        "affected": [{"package": {"ecosystem": "Ubuntu:22.04:LTS", "name": "openssl"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.0.2-0ubuntu1.19"}]}]}]});
    std::fs::write(advisories.join("a.json"), advisory.to_string()).unwrap();
    std::fs::write(advisories.join("b.json"), "{\"hello\": 1}").unwrap();
    let bills = platform.directory.path().join("bills");
    let (_, out, error) = platform.rocks(&["--osv", &text(&advisories), "--sbom", &text(&bills)]);
    assert!(out.contains("ubuntu 22.04, built 2026-01-02"), "{out}");
    assert!(out.contains("high: UBUNTU-CVE-2026-1"), "{out}");
    let report = platform.json(&["--osv", &text(&advisories)]);
    let found = json!({"id": "UBUNTU-CVE-2026-1", "severity": "high", "package": "openssl",
        "installed": "3.0.2-0ubuntu1.9", "fixed": "3.0.2-0ubuntu1.19"});
    assert_eq!(report["vulnerable"][TRAINING], json!([found]));
    assert!(error.contains("b.json: not an OSV advisory"), "{error}");
    let bill = bills.join("docker.io_charmedkubeflow_training-operator_1.9.3-9e9ea13.cdx.json");
    let bill: Value = serde_json::from_str(&std::fs::read_to_string(bill).unwrap()).unwrap();
    assert_eq!(bill["components"][0]["name"], "libssl3");
}

/// Charmhub as it answers, at these revisions; requests are as Juju's client makes them.
fn charmhub(revision: u64, resource: i64) -> Front {
    Front::start("", move |request| {
        if (request.method.as_str(), request.path.as_str()) != ("POST", "/v2/charms/refresh") {
            return Answer::With(404, vec![], vec![]);
        }
        let asked: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(asked["context"], json!([]));
        let results = asked["actions"].as_array().unwrap().iter().map(|action| {
            assert_eq!(action["action"], "install");
            assert_eq!(action["base"]["architecture"], "amd64");
            let key = &action["instance-key"];
            if action["name"] == "gone" {
                return json!({"instance-key": key, "result": "error", "charm": null,
                    "error": {"code": "name-not-found", "message": "no charm of that name"}});
            }
            json!({"instance-key": key, "result": "install", "name": action["name"], "id": "abc", "error": null,
                "effective-channel": action["channel"], "released-at": "2026-10-01T00:00:00.000000+00:00",
                "charm": {"name": action["name"], "revision": revision, "created-at": "2026-10-01T00:00:00Z",
                    "resources": [{"name": "oci-image", "revision": resource, "type": "oci-image"}]}})
        });
        let answer = json!({"error-list": [], "results": results.collect::<Vec<_>>()});
        Answer::With(200, vec![("content-type", "application/json".into())], answer.to_string().into_bytes())
    })
    .unwrap()
}

fn deployed(name: &str, revision: u64, resource: i64) -> Application {
    Application {
        name: name.into(),
        charm: name.into(),
        revision: Some(revision),
        channel: "2.41/stable".into(),
        base: "24.04".into(),
        resources: Known::Known(BTreeMap::from([(
            "oci-image".into(),
            Resource { revision: Some(resource), mark: format!("r{resource}") },
        )])),
        ..Application::default()
    }
}

#[test]
fn newest_revisions_take_one_charmhub_request() {
    let mut platform = Platform::new();
    let mut gone = deployed("gone", 1, 1);
    gone.options.insert(
        "launcher-image".into(),
        Setting {
            value: Some("charmedkubeflow/kfp-launcher:2.5.0-e91327e".into()),
            ..Setting::default()
        },
    );
    platform.juju = Some(Juju {
        applications: Known::Known(vec![
            deployed("dex-auth", 612, 10),
            deployed("envoy", 650, 10),
            gone,
        ]),
        ..Juju::default()
    });
    let charmhub = charmhub(650, 12);
    let url = format!("http://{}", charmhub.address());
    let report = platform.json(&["--charmhub-url", &url]);
    assert_eq!(charmhub.seen().len(), 1);
    assert_eq!(
        report["advice"],
        json!([
            "juju refresh envoy --resource oci-image=12",
            "juju refresh dex-auth --channel 2.41/stable --revision 650"
        ])
    );
    assert_eq!(
        row(&report, "dex-auth")["newer"],
        json!(["charm revision 650", "resource oci-image 12"])
    );
    // Images that are started later are reported as well.
    assert_eq!(row(&report, "gone")["place"], json!({"option": "launcher-image"}));

    let dead = platform.json(&["--charmhub-url", "http://127.0.0.1:9"]);
    assert_eq!(dead["advice"], json!([]));
}

#[test]
fn answers_of_charmhub_are_carried_in_by_the_data_file() {
    let mut platform = Platform::new();
    let of = |applications: Vec<Application>| {
        Some(Juju { applications: Known::Known(applications), ..Juju::default() })
    };
    platform.juju = of(vec![deployed("dex-auth", 612, 10)]);
    let before = platform.json(&["--offline"]);
    assert_eq!(before["advice"], json!([]));
    let charmhub = charmhub(650, 12);
    let data = text(&platform.directory.path().join("data.json"));
    let from = text(&platform.directory.path().join("snapshot"));
    let url = format!("http://{}", charmhub.address());
    let bundle = |more: &[&str]| {
        let arguments = ["bundle-data", "--charmhub", "--charmhub-url", &url];
        let output = ckf_test_support::run(&[&arguments[..], more, &[&*data]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let said = bundle(&["--from", &from]);
    assert!(said.contains(", 1 channels of Charmhub"), "{said}");
    assert_eq!(charmhub.seen().len(), 1);
    let report = platform.json(&["--offline", "--data", &data]);
    assert_eq!(report["requests"], 0);
    assert_eq!(
        report["advice"],
        json!(["juju refresh dex-auth --channel 2.41/stable --revision 650"])
    );
    let audit = |data: &[&str]| {
        let arguments = ["audit", "--from", &from, "--format=json", "--fail-on=never"];
        let output = ckf_test_support::run(&[&arguments[..], data].concat());
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let control = ckf_test_support::control(&report, "IMG-11");
        (control["verdict"].clone(), control["reason"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(audit(&[]), ("not-assessed".into(), "Charmhub was not queried".into()));
    assert_eq!(audit(&["--data", &data]).0, "fail");

    // What the file has no answer for is not known to be the newest.
    platform.juju = of(vec![deployed("dex-auth", 650, 12), deployed("envoy", 650, 12)]);
    platform.json(&["--offline"]);
    let (verdict, why) = audit(&["--data", &data]);
    assert_eq!(verdict, "not-assessed");
    assert!(why.contains("envoy 2.41/stable 24.04 is not among Charmhub's answers of"), "{why}");
    bundle(&["--from", &from]);
    let (verdict, why) = audit(&["--data", &data]);
    assert_eq!(verdict, "pass", "{why}");

    // Without a snapshot, of the releases' channels and every base that gets fixes.
    let said = bundle(&[]);
    let text = std::fs::read_to_string(&data).unwrap();
    assert!(text.contains("dex-auth 2.41/stable 24.04"), "{said}");
}

/// The verdict on a control, by facts that are made up of what sources tell.
fn verdict(change: impl FnOnce(&mut Facts), id: &str) -> (&'static str, String) {
    let about = About {
        collected_at: "2026-11-01T00:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let mut facts = Facts::from_objects(about, &World::stock("1.10").objects);
    change(&mut facts);
    let report = Report::audit(&facts, &Policy::default(), None, Vec::new());
    let control = report.controls.iter().find(|control| control.id == id).unwrap();
    (control.verdict.name(), control.reason.clone())
}

fn juju(applications: Vec<Application>) -> Known<Juju> {
    Known::Known(Juju { applications: Known::Known(applications), ..Juju::default() })
}

#[test]
fn missing_source_is_not_assessed_and_the_rest_is_assessed() {
    for id in ["IMG-03", "IMG-10", "IMG-11", "IMG-12", "IMG-13", "IMG-14"] {
        let (seen, why) = verdict(|_| (), id);
        assert_eq!(seen, "not-assessed", "{id}: {why}");
    }
    // IMG-11: at the head of its channel, behind it, and a charm that Charmhub does not know.
    let head = |revision| Head { revision, ..Head::default() };
    let of_charmhub = |head: Known<Head>| of_day("2026-11-01", head);
    fn of_day(day: &'static str, head: Known<Head>) -> impl FnOnce(&mut Facts) {
        move |facts: &mut Facts| {
            facts.juju = juju(vec![deployed("dex-auth", 612, 10)]);
            facts.charmhub = Known::Known(Charmhub {
                heads: BTreeMap::from([("dex-auth 2.41/stable 24.04".to_owned(), head)]),
                asked_at: format!("{day}T00:00:00Z").parse().unwrap(),
                ..Charmhub::default()
            });
        }
    }
    assert_eq!(verdict(of_charmhub(Known::Known(head(612))), "IMG-11").0, "pass");
    // An old answer shows what is behind, and not that nothing is.
    let old = |revision| of_day("2026-09-01", Known::Known(head(revision)));
    assert_eq!(verdict(old(612), "IMG-11").0, "not-assessed");
    assert_eq!(verdict(old(650), "IMG-11").0, "fail");
    let (seen, why) = verdict(of_charmhub(Known::Known(head(650))), "IMG-11");
    assert_eq!((seen, why.as_str()), ("fail", "Application dex-auth: charm revision is 612"));
    let unknown = Known::Unknown(Unknown::Failed("no charm of that name".into()));
    assert_eq!(verdict(of_charmhub(unknown), "IMG-11").0, "not-assessed");
    // IMG-12: bases.
    let on_base = |base: &'static str| {
        move |facts: &mut Facts| {
            let rock = Rock {
                packages: Some(Packages {
                    base: Some(("ubuntu".into(), base.into())),
                    packages: Vec::new(),
                }),
                ..Rock::default()
            };
            facts.rocks = Known::Known(Rocks {
                images: BTreeMap::from([(TRAINING.to_owned(), Known::Known(rock))]),
                ..Rocks::default()
            });
        }
    };
    assert_eq!(verdict(on_base("24.04"), "IMG-12").0, "pass");
    assert_eq!(verdict(on_base("20.04"), "IMG-12").0, "fail");
    // IMG-14: what is started later, by the options.
    let launches = |image: &'static str| {
        move |facts: &mut Facts| {
            let mut kfp = deployed("kfp-api", 1, 1);
            let setting = Setting { value: Some(image.into()), ..Setting::default() };
            kfp.options.insert("cache-image".into(), setting);
            facts.juju = juju(vec![kfp]);
        }
    };
    let pinned = "docker.io/charmedkubeflow/kfp-launcher:2.5.0-e91327e";
    assert_eq!(verdict(launches(pinned), "IMG-14").0, "pass");
    let (seen, why) = verdict(launches("registry.k8s.io/busybox"), "IMG-14");
    assert_eq!(seen, "fail", "{why}");
    assert!(why.contains("option cache-image is registry.k8s.io/busybox"), "{why}");
}

#[test]
fn unreachable_registry_affects_its_own_images_only() {
    let platform = Platform::new();
    let started = std::time::Instant::now();
    let (status, out, _) = platform.rocks(&[
        "--registry-mirror=docker.io/charmedkubeflow/training-operator=127.0.0.1:9/x",
        "--within=20",
    ]);
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    assert_eq!(status, Some(0), "{out}");
    assert!(out.contains("127.0.0.1:9 could not be reached"), "{out}");
    assert!(out.contains("built 2026-01-02"), "{out}");
}
