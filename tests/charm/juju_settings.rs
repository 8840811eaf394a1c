//! Configuration of a simulated controller and of its model, as both versions of Juju tell it.

use ckf_hardening::controls::Verdict;
use ckf_hardening::facts::juju::{self, Juju as Facts, Source};
use ckf_hardening::facts::known::Known;
use ckf_hardening::policy::Policy;
use ckf_hardening::report::Report;
use juju_client::{Endpoint, Login, Password, Trust};
use juju_sim::Juju;
use juju_sim::controller::{Controller, Offer, State};
use serde_json::json;

const MODEL: &str = "7d3f0c7e-6f52-4d0a-8a35-0a1b2c3d4e5f";

fn read(controller: &Controller, user: &str) -> Facts {
    let login = Login::new(user, Password::new(format!("{user}-pw"))).unwrap();
    let endpoint = Endpoint {
        addresses: vec![controller.address().to_owned()],
        trust: Trust::Authority(controller.authority().to_owned()),
    };
    let declared = Default::default();
    let source =
        Source { endpoint: &endpoint, login: &login, declared: &declared, model: "kubeflow" };
    match juju::read(&source) {
        Known::Known(juju) => juju,
        Known::Unknown(why) => panic!("{why}"),
    }
}

fn known<T>(known: Known<T>) -> T {
    match known {
        Known::Known(it) => it,
        Known::Unknown(why) => panic!("{why}"),
    }
}

#[test]
fn configuration_is_read_from_both_versions_of_juju() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut state = State::new(juju, "admin-pw");
        let methods = match juju {
            Juju::V3_6 => json!(["ReadOnlyMethods", "Client.FullStatus"]),
            Juju::V4_0 => json!("ReadOnlyMethods,Client.FullStatus"),
        };
        state.config.insert("audit-log-exclude-methods".into(), methods);
        state.config.insert("auditing-enabled".into(), json!(true));
        state.config.insert("audit-log-max-backups".into(), json!(5));
        let tls = ckf_worlds::tls("juju-ca", 2035);
        state.config.insert("ca-cert".into(), json!(tls.certificate));
        let model = state.add_model(MODEL, "kubeflow");
        model.blocks.insert("BlockDestroy".into(), "ask first".into());
        model.config.insert("secret-backend".into(), json!("vault"));
        let proxy = json!("http://me:hunter2@proxy.example.com:3128");
        model.config.insert("juju-http-proxy".into(), proxy);
        for name in ["used", "unused"] {
            state.offers.push(Offer {
                model: MODEL.into(),
                application: "dex-auth".into(),
                name: name.into(),
                ..Offer::default()
            });
        }
        state.consumers.insert("used".into(), vec!["alice".into()]);
        let controller = Controller::start(state).unwrap();
        let facts = read(&controller, "admin");
        let text = serde_json::to_string(&facts).unwrap();
        assert!(!text.contains("hunter2"), "{juju:?}: {text}");
        let of_controller = known(facts.controller);
        assert!(of_controller.auditing && of_controller.audit_backups == Some(5), "{juju:?}");
        assert!(of_controller.audit_exclusions.contains("Client.FullStatus"), "{juju:?}");
        assert!(of_controller.authority_ends.is_some(), "{juju:?}");
        let settings = known(facts.settings);
        assert_eq!(settings.secret_backend, "vault", "{juju:?}");
        assert!(settings.blocks.contains("BlockDestroy"), "{juju:?}");
        assert!(settings.with_login.contains("juju-http-proxy"), "{juju:?}");
        assert!(settings.development.is_empty() && settings.in_clear.is_empty(), "{juju:?}");
        let offers = known(facts.offers);
        let used: Vec<_> = offers.iter().map(|offer| (&*offer.name, offer.connections)).collect();
        assert_eq!(used, [("admin/kubeflow.used", Some(1)), ("admin/kubeflow.unused", Some(0))]);
    }
}

#[test]
fn login_seeing_only_its_own_access_leaves_others_not_assessed() {
    for juju in [Juju::V3_6, Juju::V4_0] {
        let mut state = State::new(juju, "admin-pw");
        state.add_user("alice", "alice-pw");
        let model = state.add_model(MODEL, "kubeflow");
        model.users.insert("alice".into(), "read".into());
        model.users.insert("mallory".into(), "write".into());
        let controller = Controller::start(state).unwrap();
        let facts = ckf_hardening::facts::Facts {
            juju: Known::Known(read(&controller, "alice")),
            ..Default::default()
        };
        let report = Report::audit(&facts, &Policy::default(), Some("1.10"), Vec::new());
        for id in ["JUJU-13", "JUJU-14"] {
            let control = report.controls.iter().find(|control| control.id == id).unwrap();
            assert_eq!(control.verdict, Verdict::NotAssessed, "{juju:?} {id}: {}", control.reason);
            assert!(control.reason.contains("superuser"), "{juju:?} {id}: {}", control.reason);
        }
        // Any login may read the controller's configuration, a reader the model's.
        let audit = report.controls.iter().find(|control| control.id == "JUJU-05").unwrap();
        assert_eq!(audit.verdict, Verdict::Fail, "{juju:?}: {}", audit.reason);
        let blocks = report.controls.iter().find(|control| control.id == "JUJU-06").unwrap();
        assert_eq!(blocks.verdict, Verdict::Fail, "{juju:?}: {}", blocks.reason);
    }
}
