//! Requests of login to oidc-gatekeeper: by the filters of the gateway, or by the authoriser that
//! an ambient mesh's options name.

use crate::controls::authn::filters::of_ingress;
use crate::controls::check::Check;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, finding, outcome};
use crate::views::ingress::Ingress;
use crate::views::login::{Deviation, LoginPatch, MeshAuthoriser, authorisers, content, undoing};
use crate::views::mesh::is_ambient;
use crate::views::mesh_options::options_reference;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("AUTHN-03", login_fails_closed),
    ("AUTHN-04", login_asks_gatekeeper),
    ("AUTHN-05", login_passes_few_headers),
];

/// Headers of the request that oidc-gatekeeper needs.
const REQUEST_HEADERS: [&str; 2] = ["cookie", "x-auth-token"];
/// What an ambient gateway sends along: istio-ingress-k8s names these for its authoriser.
const AMBIENT_REQUEST_HEADERS: [&str; 5] =
    ["authorization", "cookie", "x-auth-token", "x-forwarded-access-token", "x-forwarded-for"];

/// A request for login.
enum Asked<'a> {
    /// By a filter.
    Filter(LoginPatch<'a>),
    /// By a policy, of an authoriser in the mesh's options.
    Policy(ObjectRef, MeshAuthoriser),
}

/// Every request for login.
fn asked<'a>(context: &Context<'a>) -> Result<Result<Vec<Asked<'a>>, Outcome>, MissingFact> {
    let ingress = Ingress::find(context)?;
    let none = |why: &str| Ok(Err(Outcome::NotApplicable(why.into())));
    if !is_ambient(context, &ingress)? {
        let asking: Vec<_> = of_ingress(context, &ingress)?.asking().map(Asked::Filter).collect();
        return match asking.is_empty() {
            true => none("no filter requires login, see AUTHN-01"),
            false => Ok(Ok(asking)),
        };
    }
    let policies = context.authorization_policies()?.iter();
    let named = policies.filter(|policy| policy.spec.action == "CUSTOM").filter_map(|policy| {
        policy.spec.provider.as_ref().map(|provider| (policy.reference(), &*provider.name))
    });
    let named: Vec<(ObjectRef, &str)> = named.collect();
    if named.is_empty() {
        return none("no policy requires login, see AUTHN-01");
    }
    let Some(known) = authorisers(context)? else {
        let why = "the mesh's options are in no ConfigMap istio of the platform's namespace";
        return Ok(Err(Outcome::NotAssessed(why.into())));
    };
    let of_policies = named.into_iter().filter_map(|(policy, name)| {
        let authoriser = known.iter().find(|one| one.name == name)?;
        Some(Asked::Policy(policy, authoriser.clone()))
    });
    Ok(Ok(of_policies.collect()))
}

/// Checks each request for login.
fn each_login(
    context: &Context<'_>,
    evidence: &str,
    mut check: impl FnMut(&Asked<'_>, &mut Vec<Finding>) -> Result<(), MissingFact>,
) -> Result<Outcome, MissingFact> {
    let all = match asked(context)? {
        Ok(all) => all,
        Err(other) => return Ok(other),
    };
    let mut findings = Vec::new();
    for asked in &all {
        check(asked, &mut findings)?;
    }
    Ok(outcome(findings, evidence))
}

/// AUTHN-03: Login fails closed
fn login_fails_closed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let evidence = "requests are refused while login is unavailable";
    each_login(context, evidence, |asked, findings| {
        let (object, field, is_open) = match asked {
            Asked::Filter((filter, _, login)) => {
                (filter.reference(), "failure_mode_allow".to_owned(), login.failure_mode_allow)
            }
            Asked::Policy(_, of) => (
                options_reference(context),
                format!("extensionProviders[{}].failOpen", of.name),
                of.fail_open,
            ),
        };
        if is_open {
            findings.push(finding(object, &field, "true", "false or absent"));
        }
        Ok(())
    })
}

/// AUTHN-04: Login is delegated to oidc-gatekeeper
fn login_asks_gatekeeper(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespace = context.namespace();
    let evidence = "oidc-gatekeeper decides on logins, and is ready";
    let mut is_service_asked = false;
    let asked = each_login(context, evidence, |asked, findings| {
        match asked {
            Asked::Filter((filter, patch, login)) => {
                let what = content(filter, patch)?;
                match Deviation::of_filter(namespace, login, what) {
                    Some(other) => {
                        let object = filter.reference();
                        findings.push(finding(object, &other.field, other.seen, other.wanted));
                    }
                    None => is_service_asked = true,
                }
            }
            Asked::Policy(_, authoriser) if authoriser.is_gatekeeper(namespace) => {
                is_service_asked = true;
            }
            Asked::Policy(policy, of) => {
                let seen = format!("{}, which asks {}:{}", of.name, of.service, of.port);
                let wanted = "the authoriser that asks oidc-gatekeeper";
                findings.push(finding(policy.clone(), "spec.provider.name", seen, wanted));
            }
        }
        Ok(())
    })?;
    let mut findings = match asked {
        Outcome::Pass(_) => Vec::new(),
        Outcome::Fail(findings) => findings,
        other => return Ok(other),
    };
    if is_service_asked {
        for other in Deviation::of_service(context)? {
            let object = other.object.unwrap_or_else(|| options_reference(context));
            findings.push(finding(object, &other.field, other.seen, other.wanted));
        }
        findings.extend(moved(context)?);
    }
    Ok(outcome(findings, evidence))
}

/// Filters that have the gateway find the authoriser elsewhere.
fn moved(context: &Context<'_>) -> Result<Vec<Finding>, MissingFact> {
    let ingress = Ingress::find(context)?;
    let mut findings = Vec::new();
    for filter in of_ingress(context, &ingress)?.filters {
        for (index, patch) in
            filter.patches.iter().enumerate().filter(|(_, p)| p.apply_to == "CLUSTER")
        {
            if let Some(how) = undoing(patch, content(filter, patch)?) {
                let field = format!("spec.configPatches[{index}]");
                let wanted = "the cluster that istiod makes of its Service";
                findings.push(finding(filter.reference(), &field, how, wanted));
            }
        }
    }
    Ok(findings)
}

/// AUTHN-05: Login forwards only the headers that it needs
fn login_passes_few_headers(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_login(context, "only kubeflow-userid goes upstream", |asked, findings| {
        let mut check =
            |object: ObjectRef, field: &str, seen: &[String], wanted: &[&str], all: bool| {
                let mut sorted: Vec<&str> = seen.iter().map(String::as_str).collect();
                sorted.sort_unstable();
                sorted.dedup();
                let fits =
                    if all { sorted == wanted } else { sorted.iter().all(|h| wanted.contains(h)) };
                if !fits {
                    findings.push(finding(object, field, sorted.join(", "), wanted.join(", ")));
                }
            };
        let upstream = ["kubeflow-userid"];
        match asked {
            Asked::Filter((filter, _, login)) => {
                let object = || filter.reference();
                check(
                    object(),
                    "allowed_upstream_headers",
                    &login.upstream_headers,
                    &upstream,
                    true,
                );
                check(object(), "allowed_headers", &login.request_headers, &REQUEST_HEADERS, false);
            }
            Asked::Policy(_, of) => {
                let field = |rest: &str| format!("extensionProviders[{}].{rest}", of.name);
                let (object, wanted) = (options_reference(context), &AMBIENT_REQUEST_HEADERS);
                if of.is_grpc {
                    let seen = vec!["any, as its answers by gRPC say".to_owned()];
                    check(object.clone(), &field("envoyExtAuthzGrpc"), &seen, &upstream, true);
                } else {
                    let name = field("headersToUpstreamOnAllow");
                    check(object.clone(), &name, &of.upstream_headers, &upstream, true);
                }
                let name = field("includeRequestHeadersInCheck");
                check(object, &name, &of.request_headers, wanted, false);
            }
        }
        Ok(())
    })
}
