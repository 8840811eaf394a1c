//! Faults in what login is made of: the filters on the way, the authoriser behind them and
//! what else sets the user's identity.

use ckf_worlds::object;
use serde_json::{Value, json};

use super::{
    Fault, NETWORKING, SECURITY, add, ambient, ambient_route, each_login_patch, envoy_filter,
    fault, first_pod, istio_filter, login, mesh_gateway, policy, route_to, set,
};
use crate::case::Case;

const EXT_AUTHZ: &str = "envoy.filters.http.ext_authz";
const PER_ROUTE: &str =
    "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute";

/// Puts one more patch into istio-pilot's own filter.
fn patch_more(c: &mut Case, patch: Value) {
    login(c)["spec"]["configPatches"].as_array_mut().unwrap().push(patch);
}

fn per_route(key: &str) -> Value {
    json!({"applyTo": "VIRTUAL_HOST", "match": {"context": "GATEWAY"}, "patch": {"operation": "MERGE",
        "value": {key: {EXT_AUTHZ: {"@type": PER_ROUTE, "disabled": true}}}}})
}

fn lua(operation: &str) -> Value {
    json!({"applyTo": "HTTP_FILTER", "match": {"context": "GATEWAY"}, "patch": {"operation": operation,
        "value": {"name": "envoy.filters.http.lua", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": "function envoy_on_request(r) end"}}}}})
}

fn of_gatekeeper(c: &mut Case) -> &mut Value {
    c.world.get("Service", "oidc-gatekeeper")
}

fn each_match(c: &mut Case, change: impl Fn(&mut Value)) {
    login(c)["spec"]["configPatches"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|patch| change(&mut patch["match"]));
}

fn each_operation(c: &mut Case, operation: &str) {
    login(c)["spec"]["configPatches"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .for_each(|patch| patch["patch"]["operation"] = operation.into());
}

/// A header that a route of the platform sets.
fn header(c: &mut Case, pointer: &str, operation: &str, name: &str) {
    let headers = json!({"request": {operation: match operation {
        "remove" => json!([name]),
        _ => json!({name: "admin@example.com"}),
    }}});
    set(c, "VirtualService", "kfp-ui", pointer, headers);
}

/// A chain of faults that the same controls see.
const GONE: &[&str] = &["AUTHN-02", "AUTHN-07"];

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("AUTHN-01", "switched off for a host by istio-pilot's own filter", |c| {
        patch_more(c, per_route("typed_per_filter_config"))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "switched off for a host by a filter beside it, in camelCase", |c| {
        add(c, envoy_filter("kubeflow", "hosts", per_route("typedPerFilterConfig")))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "switched off for a host by a filter under our name and label", |c| {
        let mut filter = envoy_filter("kubeflow", "ckf-hardening-hsts", per_route("typed_per_filter_config"));
        filter["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "ckf-hardening"});
        add(c, filter)
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "a runtime switch", |c| {
        each_login_patch(c, |t| {
            t["filter_enabled"] = json!({"default_value": {"numerator": 0, "denominator": "HUNDRED"}})
        })
    })
    .also(GONE),
    fault("AUTHN-01", "a switch by metadata, in camelCase", |c| {
        each_login_patch(c, |t| {
            t["filterEnabledMetadata"] = json!({"filter": "x", "path": [{"key": "y"}], "value": {"boolMatch": true}})
        })
    })
    .also(GONE),
    fault("AUTHN-01", "disabled in the chain", |c| {
        for patch in login(c)["spec"]["configPatches"].as_array_mut().unwrap() {
            patch["patch"]["value"]["disabled"] = true.into();
        }
    })
    .also(GONE),
    fault("AUTHN-01", "for proxies of another version only", |c| {
        each_match(c, |m| m["proxy"] = json!({"proxyVersion": "^1\\.9.*"}))
    })
    .also(GONE),
    fault("AUTHN-01", "for one server name only", |c| {
        each_match(c, |m| m["listener"]["filterChain"]["sni"] = "a.example.com".into())
    })
    .also(GONE),
    fault("AUTHN-01", "for a listener of another name only", |c| {
        each_match(c, |m| m["listener"]["name"] = "0.0.0.0_1".into())
    })
    .also(GONE),
    fault("AUTHN-01", "for sidecars only", |c| {
        each_match(c, |m| m["context"] = "SIDECAR_INBOUND".into())
    })
    .also(GONE),
    fault("AUTHN-01", "behind the router", |c| each_operation(c, "INSERT_AFTER")).also(GONE),
    fault("AUTHN-01", "at the end of the chain", |c| each_operation(c, "ADD")).also(GONE),
    fault("AUTHN-01", "before a filter that no chain has", |c| {
        each_match(c, |m| {
            m["listener"]["filterChain"]["filter"]["subFilter"] = json!({"name": "envoy.filters.http.gone"})
        })
    })
    .also(GONE),
    fault("AUTHN-01", "a patch that changes nothing else", |c| each_operation(c, "MERGE")).also(GONE),
    fault("AUTHN-01", "taken out by a filter beside it", |c| {
        let sub = json!({"context": "GATEWAY", "listener": {"filterChain": {"filter": {
            "name": "envoy.filters.network.http_connection_manager", "subFilter": {"name": EXT_AUTHZ}}}}});
        add(c, envoy_filter("kubeflow", "z-last", json!({"applyTo": "HTTP_FILTER", "match": sub,
            "patch": {"operation": "REMOVE"}})))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "merged into by a filter beside it", |c| {
        add(c, envoy_filter("kubeflow", "z-last", json!({"applyTo": "HTTP_FILTER",
            "match": {"context": "GATEWAY"}, "patch": {"operation": "MERGE", "value": {
                "name": EXT_AUTHZ, "typed_config": {"failure_mode_allow": true}}}})))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "another chain of filters", |c| {
        add(c, envoy_filter("kubeflow", "chain", json!({"applyTo": "NETWORK_FILTER",
            "match": {"context": "GATEWAY"}, "patch": {"operation": "REPLACE", "value": {
                "name": "envoy.filters.network.tcp_proxy", "typedConfig": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
                    "statPrefix": "x", "cluster": "outbound|80||kubeflow-dashboard.kubeflow.svc.cluster.local"}}}})))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "a listener that a filter adds", |c| {
        add(c, envoy_filter("kubeflow", "door", json!({"applyTo": "LISTENER",
            "match": {"context": "GATEWAY"}, "patch": {"operation": "ADD", "value": {
                "name": "door", "address": {"socket_address": {"address": "0.0.0.0", "port_value": 9999}}}}})))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-01", "no filter of the gateway's root namespace is overlooked", |c| {
        c.world.get("ConfigMap", "istio")["data"]["mesh"] =
            "accessLogFile: /dev/stdout\nrootNamespace: mesh-root\ntrustDomain: cluster.local\n".into();
        add(c, envoy_filter("mesh-root", "hosts", per_route("typed_per_filter_config")))
    })
    .also(&["AUTHN-07"]),
    fault("AUTHN-03", "open when login is down, in camelCase", |c| {
        each_login_patch(c, |t| t["failureModeAllow"] = true.into())
    }),
    fault("AUTHN-04", "the authoriser's cluster leads elsewhere", |c| {
        add(c, envoy_filter("kubeflow", "cluster", json!({"applyTo": "CLUSTER",
            "match": {"context": "GATEWAY", "cluster": {"service": "oidc-gatekeeper.kubeflow.svc.cluster.local"}},
            "patch": {"operation": "MERGE", "value": {"load_assignment": {"cluster_name": "x"}}}})))
    })
    .also(&["AUTHN-01", "AUTHN-07"]),
    fault("AUTHN-04", "its Service takes other pods", |c| {
        of_gatekeeper(c)["spec"]["selector"] = json!({"app.kubernetes.io/name": "kfp-ui"})
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-04", "its Service takes any pod of Juju", |c| {
        of_gatekeeper(c)["spec"]["selector"] = json!({"app.kubernetes.io/managed-by": "juju"})
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-04", "another pod under its label", |c| {
        let i = first_pod(c, "kubeflow", "oidc-gatekeeper");
        let mut pod = c.world.objects[i].clone();
        pod["metadata"]["name"] = "look-alike".into();
        pod["metadata"]["ownerReferences"] = json!([]);
        add(c, pod)
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-04", "its Service has no selector", |c| {
        of_gatekeeper(c)["spec"].as_object_mut().unwrap().remove("selector");
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-04", "its Service is a name elsewhere", |c| {
        of_gatekeeper(c)["spec"] = json!({"type": "ExternalName", "externalName": "login.example.org",
            "ports": [{"port": 8080}]})
    })
    .also(&["AUTHN-01", "NET-08"]),
    fault("AUTHN-04", "its Service leads to another port", |c| {
        of_gatekeeper(c)["spec"]["ports"] = json!([{"name": "http", "port": 8080, "targetPort": 9999}])
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-04", "a ServiceEntry takes its host", |c| {
        add(c, object(NETWORKING, "ServiceEntry", "kubeflow", "login", json!({"spec": {
            "hosts": ["oidc-gatekeeper.kubeflow.svc.cluster.local"], "location": "MESH_EXTERNAL",
            "resolution": "STATIC", "ports": [{"number": 8080, "name": "http", "protocol": "HTTP"}],
            "endpoints": [{"address": "192.0.2.7"}]}})))
    })
    .also(&["AUTHN-01"]),
    fault("AUTHN-04", "the path of another authoriser", |c| {
        each_login_patch(c, |t| t["http_service"]["path_prefix"] = "/pass".into())
    })
    .also(&["AUTHN-01", "AUTHN-07"]),
    fault("AUTHN-05", "a header of the client's goes upstream, in camelCase", |c| {
        each_login_patch(c, |t| {
            t["httpService"] = t["http_service"].take();
            t.as_object_mut().unwrap().remove("http_service");
            t["httpService"].as_object_mut().unwrap().remove("authorization_response");
            t["httpService"]["authorizationResponse"] = json!({"allowedUpstreamHeaders":
                {"patterns": [{"exact": "kubeflow-userid"}, {"exact": "kubeflow-groups"}]}});
        })
    }),
    fault("AUTHN-05", "a header of the request is passed by its prefix", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["authorization_request"]["allowed_headers"]["patterns"] =
                json!([{"exact": "cookie"}, {"prefix": "x-"}])
        })
    }),
    fault("AUTHN-05", "the client's own identity is passed", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["authorization_response"] = json!({})
        })
    }),
    fault("AUTHN-07", "headers that the authoriser adds to the request", |c| {
        each_login_patch(c, |t| {
            t["http_service"]["authorization_request"]["headers_to_add"] =
                json!([{"key": "cookie", "value": "authservice_session=mine"}])
        })
    }),
    fault("AUTHN-07", "a Lua filter in istio-pilot's own", |c| patch_more(c, lua("INSERT_FIRST")))
        .also(&["AUTHN-15"]),
    fault("AUTHN-07", "a WasmPlugin on the ingress", |c| {
        add(c, object("extensions.istio.io/v1alpha1", "WasmPlugin", "kubeflow", "logger", json!({"spec": {
            "selector": {"matchLabels": {"istio": "ingressgateway"}}, "url": "oci://registry.example.com/logger:1"}})))
    })
    .also(&["AUTHN-15"]),
    fault("AUTHN-07", "our label on a filter that sets a header for the apps", |c| {
        let mut filter = envoy_filter("kubeflow", "ckf-hardening-hsts", json!({"applyTo": "HTTP_ROUTE",
            "match": {"context": "GATEWAY"}, "patch": {"operation": "MERGE", "value": {"request_headers_to_add":
                [{"header": {"key": "x-other", "value": "y"}}]}}}));
        filter["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "ckf-hardening"});
        add(c, filter)
    }),
    fault("AUTHN-15", "a route sets it", |c| header(c, "/spec/http/0/headers", "set", "kubeflow-userid")),
    fault("AUTHN-15", "a route adds it, in capitals", |c| {
        header(c, "/spec/http/0/headers", "add", "Kubeflow-UserID")
    }),
    fault("AUTHN-15", "a destination sets it", |c| {
        header(c, "/spec/http/0/route/0/headers", "set", "kubeflow-userid")
    }),
    fault("AUTHN-15", "a route sets the groups", |c| {
        header(c, "/spec/http/0/headers", "set", "kubeflow-groups")
    }),
    fault("AUTHN-15", "a token's claim is copied to it", |c| {
        let rule = json!({"issuer": "https://issuer.example.org", "outputClaimToHeaders":
            [{"header": "kubeflow-userid", "claim": "email"}]});
        let spec = json!({"selector": {"matchLabels": {"istio": "ingressgateway"}}, "jwtRules": [rule]});
        add(c, object(SECURITY, "RequestAuthentication", "kubeflow", "tokens", json!({"spec": spec})))
    }),
    fault("AUTHN-15", "a filter for sidecars of the platform sets it", |c| {
        add(c, istio_filter("kubeflow", "identity", json!({"app.kubernetes.io/name": "kfp-api"}), json!({
            "applyTo": "HTTP_ROUTE", "match": {"context": "SIDECAR_INBOUND"}, "patch": {"operation": "MERGE",
                "value": {"requestHeadersToAdd": [{"header": {"key": "kubeflow-userid", "value": "admin"}}]}}})))
    }),
    fault("AUTHN-15", "a route of a Gateway API Gateway sets it", |c| {
        mesh_gateway(c, "kubeflow", json!([{"name": "https", "port": 443, "protocol": "HTTPS",
            "tls": {"certificateRefs": [{"name": "kubeflow-gateway-gateway-secret"}]}}]));
        let mut route = route_to("HTTPRoute", "kubeflow", "kubeflow-dashboard", 8082);
        route["spec"]["rules"][0]["filters"] = json!([{"type": "RequestHeaderModifier",
            "requestHeaderModifier": {"set": [{"name": "kubeflow-userid", "value": "admin"}]}}]);
        add(c, route)
    })
    .also(&["AUTHN-01", "AUTHZ-04"]),
];

/// An ambient platform behind login as istio-ingress-k8s and istio-k8s set it up.
pub fn ambient_login(c: &mut Case) {
    ambient(c);
    let redirect = json!([{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]);
    add(c, ambient_route("http", redirect));
    let mut route = ambient_route("https", json!([]));
    route["spec"]["rules"][0]["backendRefs"] =
        json!([{"name": "kubeflow-dashboard", "port": 8082}]);
    add(c, route);
    c.world.get("ConfigMap", "istio")["data"]["mesh"] = MESH.into();
    let principals = json!(["cluster.local/ns/kubeflow/sa/istio-ingress-k8s-istio"]);
    let source = "/spec/rules/0/from/0/source/principals";
    set(c, "AuthorizationPolicy", "ckf-hardening-users", source, principals);
    let target = json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "istio-ingress-k8s"});
    let paths = json!(["/dex", "/dex/*", "/authservice/*"]);
    let spec = json!({"action": "CUSTOM", "provider": {"name": "ext_authz-istio-ingress-k8s"},
        "targetRefs": [target], "rules": [{"to": [{"operation": {"notPaths": paths}}]}]});
    add(c, policy("kubeflow", "ext-authz-istio-ingress-k8s", spec));
}

const MESH: &str = "\
accessLogFile: /dev/stdout
rootNamespace: kubeflow
trustDomain: cluster.local
extensionProviders:
- name: ext_authz-istio-ingress-k8s
  envoyExtAuthzHttp:
    service: oidc-gatekeeper.kubeflow.svc.cluster.local
    port: '8080'
    includeRequestHeadersInCheck: [authorization, cookie]
    headersToUpstreamOnAllow: [kubeflow-userid]
- name: other
  envoyExtAuthzHttp: {service: evil.team-a.svc.cluster.local, port: 8080}
";

fn ambient_policy(c: &mut Case, pointer: &str, value: Value) {
    ambient_login(c);
    set(c, "AuthorizationPolicy", "ext-authz-istio-ingress-k8s", pointer, value);
}

fn ambient_options(c: &mut Case, from: &str, to: &str) {
    ambient_login(c);
    let mesh = &mut c.world.get("ConfigMap", "istio")["data"]["mesh"];
    *mesh = mesh.as_str().unwrap().replace(from, to).into();
}

const OPERATION: &str = "/spec/rules/0/to/0/operation";

/// Faults of an ambient platform's login.
pub const AMBIENT: &[Fault] = &[
    fault("AUTHN-01", "ambient, a policy that is only tried", |c| {
        ambient_policy(c, "/metadata/annotations", json!({"istio.io/dry-run": "true"}))
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, every path exempt", |c| {
        ambient_policy(c, OPERATION, json!({"notPaths": ["/*"]}))
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, a path of an application exempt", |c| {
        ambient_policy(c, OPERATION, json!({"notPaths": ["/dex/*", "/pipeline*"]}))
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, for one host", |c| {
        ambient_policy(c, OPERATION, json!({"hosts": ["a.example.com"]}))
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, for some paths", |c| {
        ambient_policy(c, OPERATION, json!({"paths": ["/pipeline/*"]}))
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, for no request", |c| ambient_policy(c, "/spec/rules", json!([])))
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, for clients of one address", |c| {
        ambient_policy(c, "/spec/rules/0", json!({"from": [{"source": {"ipBlocks": ["192.0.2.0/24"]}}]}))
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, another authoriser", |c| {
        ambient_policy(c, "/spec/provider/name", "other".into())
    })
    .also(&["AUTHN-04", "AUTHN-05", "AUTHZ-07"]),
    fault("AUTHN-01", "ambient, another Gateway's policy", |c| {
        ambient_policy(c, "/spec/targetRefs/0/name", "elsewhere".into())
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-01", "ambient, a filter that overrides it", |c| {
        ambient_login(c);
        let mut filter = envoy_filter("kubeflow", "hosts", per_route("typed_per_filter_config"));
        filter["spec"]["targetRefs"] = json!([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "istio-ingress-k8s"}]);
        filter["spec"].as_object_mut().unwrap().remove("workloadSelector");
        add(c, filter);
    })
    .also(&["AUTHN-07", "AUTHZ-07"]),
    fault("AUTHN-03", "ambient, open when login is down", |c| {
        ambient_options(c, "    port: '8080'\n", "    port: 8080\n    failOpen: true\n")
    })
    .also(&["AUTHZ-07"]),
    fault("AUTHN-04", "ambient, the authoriser asks another service", |c| {
        ambient_options(c, "service: oidc-gatekeeper.kubeflow", "service: oidc-gatekeeper.team-a")
    })
    .also(&["AUTHN-01", "AUTHZ-07"]),
    fault("AUTHN-05", "ambient, a header more goes upstream", |c| {
        ambient_options(c, "[kubeflow-userid]", "[kubeflow-userid, kubeflow-groups]")
    })
    .also(&["AUTHZ-07"]),
];
