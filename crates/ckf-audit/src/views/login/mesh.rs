//! Login in front of a Gateway of the Gateway API: AuthorizationPolicies of action CUSTOM, and the
//! authorisers that the mesh's options name for them.
//!
//! Source: istiod's `WorkloadPolicyMatcher`, `extensionProviders` of MeshConfig.

use serde::Deserialize;

use super::authoriser::{GATEKEEPER_PORT, gatekeeper_host};
use super::of_pods::Login;
use crate::facts::istio::{AmbientGateway, AuthorizationPolicy, AuthorizationRule};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::authorization::{Mesh, PolicySet, Workload, is_dry_run};
use crate::views::mesh_options::mesh_options;
use crate::views::{Context, MissingFact};

/// Applications whose paths are open before login, since login itself needs them.
const OPEN_APPLICATIONS: [&str; 2] = ["dex-auth", "oidc-gatekeeper"];

/// An external authoriser that the mesh's options name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeshAuthoriser {
    /// Its name.
    pub name: String,
    /// Host of its Service.
    pub service: String,
    /// Port of its Service.
    pub port: u16,
    /// Whether requests pass if it does not answer.
    pub fail_open: bool,
    /// Prefix of the paths that it is asked by.
    pub path_prefix: String,
    /// Headers of its answer that go on with the request.
    pub upstream_headers: Vec<String>,
    /// Headers of the request that it gets.
    pub request_headers: Vec<String>,
    /// Whether it is asked by gRPC, whose answers may set any header.
    pub is_grpc: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    extension_providers: Vec<Provider>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Provider {
    name: String,
    envoy_ext_authz_http: Option<Asked>,
    envoy_ext_authz_grpc: Option<Asked>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Asked {
    service: String,
    port: serde_yaml::Value,
    fail_open: bool,
    path_prefix: String,
    headers_to_upstream_on_allow: Vec<String>,
    #[serde(alias = "includeHeadersInCheck")]
    include_request_headers_in_check: Vec<String>,
}

/// The mesh's external authorisers; `None` if its options are not in the platform's namespace.
pub fn authorisers(context: &Context<'_>) -> Result<Option<Vec<MeshAuthoriser>>, MissingFact> {
    let Some(options) = mesh_options::<Options>(context)? else {
        return Ok(None);
    };
    let providers = options.extension_providers.into_iter();
    Ok(Some(providers.filter_map(authoriser).collect()))
}

fn authoriser(provider: Provider) -> Option<MeshAuthoriser> {
    let is_grpc = provider.envoy_ext_authz_http.is_none();
    let asked = provider.envoy_ext_authz_http.or(provider.envoy_ext_authz_grpc)?;
    let lower = |names: Vec<String>| names.iter().map(|name| name.to_ascii_lowercase()).collect();
    Some(MeshAuthoriser {
        name: provider.name,
        service: asked.service,
        port: number(&asked.port),
        fail_open: asked.fail_open,
        path_prefix: asked.path_prefix,
        upstream_headers: lower(asked.headers_to_upstream_on_allow),
        request_headers: lower(asked.include_request_headers_in_check),
        is_grpc,
    })
}

/// A port, which istiod also takes as text; 0 if it is none.
fn number(port: &serde_yaml::Value) -> u16 {
    let number = port.as_u64().or_else(|| port.as_str()?.parse().ok());
    number.and_then(|number| u16::try_from(number).ok()).unwrap_or_default()
}

impl MeshAuthoriser {
    /// Whether it is oidc-gatekeeper's Service; the namespace may stand before the host.
    pub fn is_gatekeeper(&self, namespace: &str) -> bool {
        let host = gatekeeper_host(namespace);
        let service = self.service.rsplit('/').next().unwrap_or_default();
        service == host && self.port == GATEKEEPER_PORT && self.path_prefix.is_empty()
    }
}

/// Login in front of a Gateway.
#[derive(Clone, Debug, PartialEq)]
pub enum MeshLogin {
    /// Every request but those of login itself is asked about, by this authoriser.
    Asked(MeshAuthoriser),
    /// No, or not every: object, field, what is seen, what should be.
    Open(Option<ObjectRef>, String, String, String),
    /// Which authoriser a policy names is not known.
    Unknown(String),
}

/// Login in front of a Gateway of the Gateway API.
pub fn mesh_login(
    context: &Context<'_>,
    gateway: &AmbientGateway,
) -> Result<MeshLogin, MissingFact> {
    let mesh = Mesh::of(context)?;
    let labels = Login::labels_of(gateway);
    let namespace = &*gateway.metadata.namespace;
    let workload = Workload { namespace, labels: &labels, waypoint_of: None };
    let set = PolicySet::of(context.authorization_policies()?, &workload, &mesh);
    let wanted = "external authorisation by oidc-gatekeeper";
    let open = |object, field: &str, seen: String| {
        MeshLogin::Open(object, field.into(), seen, wanted.into())
    };
    if set.custom.is_empty() {
        let field = "AuthorizationPolicy of action CUSTOM";
        return Ok(open(None, field, "missing".into()));
    }
    let opened = open_paths(context);
    let enforced = |policy: &&&AuthorizationPolicy| !is_dry_run(policy);
    let Some(policy) = set.custom.iter().filter(enforced).find(|policy| covers(policy, &opened))
    else {
        let policy = set.custom[0];
        // Istio's releases differ in whether they ask in a dry run.
        if is_dry_run(policy) {
            let field = "metadata.annotations[istio.io/dry-run]";
            return Ok(open(Some(policy.reference()), field, "true, so it is only tried".into()));
        }
        let seen = match policy.spec.rules.is_empty() {
            true => "none, so it asks about no request".to_owned(),
            false => format!("ask about a part of the requests: {}", described(policy)),
        };
        return Ok(open(Some(policy.reference()), "spec.rules", seen));
    };
    let provider = policy.spec.provider.as_ref().map_or("", |provider| &*provider.name);
    let Some(known) = authorisers(context)? else {
        let why = "the mesh's options are in no ConfigMap istio of the platform's namespace";
        return Ok(MeshLogin::Unknown(format!(
            "{}: provider {provider}: {why}",
            policy.reference()
        )));
    };
    // istiod refuses every request that would be asked of a provider that is not there.
    let Some(authoriser) = known.into_iter().find(|one| one.name == provider) else {
        let seen = format!("{provider}, which the mesh does not have");
        return Ok(open(Some(policy.reference()), "spec.provider.name", seen));
    };
    if !authoriser.is_gatekeeper(context.namespace()) {
        let seen = format!("{provider}, which asks {}:{}", authoriser.service, authoriser.port);
        return Ok(open(Some(policy.reference()), "spec.provider.name", seen));
    }
    Ok(MeshLogin::Asked(authoriser))
}

/// Paths that the applications of login serve before it.
fn open_paths(context: &Context<'_>) -> Vec<String> {
    let of_release = context.release().ok().into_iter().flat_map(|release| &release.routes);
    let of_login = of_release.filter(|route| OPEN_APPLICATIONS.contains(&route.service.as_str()));
    let mut paths: Vec<String> =
        of_login.map(|route| route.prefix.trim_end_matches('/').to_owned()).collect();
    paths.extend(["/dex".into(), "/authservice".into()]);
    paths
}

fn is_open(path: &str, opened: &[String]) -> bool {
    opened.iter().any(|open| {
        path.strip_prefix(open.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            && !path.contains("..")
    })
}

/// Whether a rule of a policy asks about every request but those of login.
fn covers(policy: &AuthorizationPolicy, opened: &[String]) -> bool {
    policy.spec.rules.iter().any(|rule| {
        rule.from.iter().all(|from| from.source.is_empty())
            && rule.when.is_empty()
            && (rule.to.is_empty()
                || rule.to.iter().any(|to| {
                    to.operation.iter().all(|(field, values)| {
                        values.is_empty()
                            || (*field == *"notPaths"
                                && values.iter().all(|path| is_open(path, opened)))
                            || (*field == *"paths"
                                && values.iter().any(|path| *path == *"*" || *path == *"/*"))
                    })
                }))
    })
}

/// What the rules of a policy are limited to.
fn described(policy: &AuthorizationPolicy) -> String {
    let of_rule = |rule: &AuthorizationRule| {
        let to = rule.to.iter().flat_map(|to| &to.operation);
        let from = rule.from.iter().flat_map(|from| &from.source);
        let fields = to.chain(from).map(|(field, values)| {
            let values: Vec<&str> = values.iter().map(|value| &**value).collect();
            format!("{field} {}", values.join(", "))
        });
        let when = rule.when.iter().map(|condition| condition.key.to_string());
        fields.chain(when).collect::<Vec<_>>().join(" and ")
    };
    policy.spec.rules.iter().map(of_rule).collect::<Vec<_>>().join("; ")
}
