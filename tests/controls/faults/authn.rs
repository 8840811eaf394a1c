//! Faults in authentication.

use ckf_hardening::facts::juju::{Setting, Strength};
use ckf_hardening::policy::Profile;
use ckf_worlds::object;
use serde_json::json;

use super::{Fault, add, each_login_patch, fault, login};

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("AUTHN-01", "no filter", |c| {
        c.world.remove("EnvoyFilter", "istio-pilot-authn-filter");
    })
    .also(&["AUTHN-02"]),
    fault("AUTHN-01", "a filter on other pods", |c| {
        login(c)["spec"]["workloadSelector"]["labels"] = json!({"istio": "elsewhere"})
    })
    .also(&["AUTHN-02"]),
    fault("AUTHN-01", "a filter in another namespace", |c| {
        login(c)["metadata"]["namespace"] = "team-a".into()
    })
    .also(&["AUTHN-02"]),
    fault("AUTHN-02", "one port without", |c| {
        login(c)["spec"]["configPatches"].as_array_mut().unwrap().pop();
    })
    .also(&["AUTHN-01", "AUTHN-07"]),
    fault("AUTHN-03", "open when login is down", |c| {
        each_login_patch(c, |t| t["failure_mode_allow"] = true.into())
    }),
    fault("AUTHN-04", "asks another service", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["server_uri"]["cluster"] =
                "outbound|8080||evil.team-a.svc.cluster.local".into()
        })
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-05", "another header goes upstream", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["authorization_response"]["allowed_upstream_headers"]["patterns"] =
                json!([{"prefix": ""}])
        })
    }),
    fault("AUTHN-06", "a path without login", |c| {
        c.set_option("oidc-gatekeeper", "skip-auth-urls", "/pipeline")
    }),
    fault("AUTHN-07", "a filter of a stranger", |c| {
        add(
            c,
            object(
                "networking.istio.io/v1alpha3",
                "EnvoyFilter",
                "kubeflow",
                "lua",
                json!({"spec": {
        "workloadSelector": {"labels": {"istio": "ingressgateway"}}, "configPatches": [{"applyTo": "HTTP_FILTER", "match": {"context": "GATEWAY"},
            "patch": {"operation": "INSERT_FIRST", "value": {"name": "envoy.filters.http.lua"}}}]}}),
            ),
        )
    })
    .also(&["AUTHN-15"]),
    fault("AUTHN-08", "a static user, by the strict profile", |c| {
        c.policy.profile = Profile::Strict
    })
    .also(&["JUJU-11", "JUJU-12"]),
    fault("AUTHN-09", "the static user admin", |c| {
        c.set_option("dex-auth", "static-username", "admin")
    }),
    fault("AUTHN-10", "a short static password", |c| {
        let password = Some(Strength { length: 5, well_known: true });
        let setting = Setting { set: true, password, ..Setting::default() };
        c.app("dex-auth").options.insert("static-password".into(), setting);
    }),
    fault("AUTHN-11", "an issuer in clear text", |c| {
        c.set_option("dex-auth", "issuer-url", "http://kubeflow.example.com/dex")
    }),
    fault("AUTHN-12", "cookies without Secure", |c| {
        c.set_option("jupyter-ui", "secure-cookies", "false")
    })
    .also(&["JUJU-04"]),
    fault("AUTHN-13", "the deprecated public-url", |c| {
        c.set_option("dex-auth", "public-url", "https://kubeflow.example.com")
    }),
];
