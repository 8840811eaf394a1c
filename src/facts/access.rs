//! Permissions of Juju's cloud credential, from access reviews of the API server.

use futures_util::{StreamExt as _, TryStreamExt as _};
use http::Method;
use kube::Client;
use serde::Deserialize;

use super::core::ServiceAccount;
use super::known::{Known, Unknown};
use super::path::ApiPath;
use super::rbac::{Access, AccessReview};
use super::request::{Failure, get, request, send};

/// Access reviews sent concurrently.
const AT_ONCE: usize = 4;

/// Resources that Juju's credential must manage, by the security guide.
const GUIDE_RESOURCES: &[(&str, &str)] = &[
    ("", "namespaces"),
    ("", "services"),
    ("apps", "deployments"),
    ("apps", "statefulsets"),
    ("", "pods"),
    ("", "persistentvolumeclaims"),
];
/// Verbs that the guide requires on each of them.
const GUIDE_VERBS: &[&str] = &["create", "delete", "patch", "list"];
/// Permissions that the guide does not require and that amount to cluster admin.
const WIDER: &[(&str, &str, &str)] = &[
    ("*", "*", "*"),
    ("", "nodes", "delete"),
    ("rbac.authorization.k8s.io", "clusterroles", "escalate"),
    ("", "users", "impersonate"),
];

/// Reviews the permissions of Juju's account, else of this user.
pub(super) async fn read(client: &Client) -> Known<AccessReview> {
    #[derive(Deserialize)]
    struct Names {
        items: Vec<ServiceAccount>,
    }
    // `juju add-k8s` creates the account of the cloud credential in kube-system.
    let juju = match get::<Names>(client, &"/api/v1/namespaces/kube-system/serviceaccounts".into())
        .await
    {
        Ok(accounts) => {
            accounts.items.into_iter().find(|a| a.metadata.name.starts_with("juju-credential"))
        }
        Err(failure) => return Known::Unknown(failure.into_unknown()),
    };
    let user =
        juju.map(|account| format!("system:serviceaccount:kube-system:{}", account.metadata.name));
    let guide =
        GUIDE_RESOURCES.iter().flat_map(|(g, r)| GUIDE_VERBS.iter().map(move |v| (*g, *r, *v)));
    let permissions: Vec<_> = guide.chain(WIDER.iter().copied()).collect();
    let reviews = permissions.iter().map(|(group, resource, verb)| {
        let review = review(client, user.as_deref(), group, resource, verb);
        async move {
            Ok(Access {
                group: (*group).into(),
                resource: (*resource).into(),
                verb: (*verb).into(),
                allowed: review.await?,
            })
        }
    });
    let answers: Result<Vec<Access>, Failure> =
        futures_util::stream::iter(reviews).buffered(AT_ONCE).try_collect().await;
    let answers = match answers {
        Ok(answers) => answers,
        Err(failure) => return Known::Unknown(failure.into_unknown()),
    };
    let is_juju = user.is_some();
    Known::Known(AccessReview {
        subject: user.unwrap_or_else(|| "this user".into()),
        is_juju,
        answers,
    })
}

async fn review(
    client: &Client,
    user: Option<&str>,
    group: &str,
    resource: &str,
    verb: &str,
) -> Result<bool, Failure> {
    let attributes = serde_json::json!({"group": group, "resource": resource, "verb": verb});
    let (plural, kind, mut spec) = match user {
        Some(_) => (
            "subjectaccessreviews",
            "SubjectAccessReview",
            serde_json::json!({"resourceAttributes": attributes}),
        ),
        None => (
            "selfsubjectaccessreviews",
            "SelfSubjectAccessReview",
            serde_json::json!({"resourceAttributes": attributes}),
        ),
    };
    if let Some(user) = user {
        spec["user"] = user.into();
        spec["groups"] = serde_json::json!([
            "system:serviceaccounts",
            "system:serviceaccounts:kube-system",
            "system:authenticated"
        ]);
    }
    let body =
        serde_json::json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
    #[derive(Deserialize)]
    struct Review {
        status: Status,
    }
    #[derive(Deserialize)]
    struct Status {
        allowed: bool,
    }
    let path = ApiPath::from("/apis/authorization.k8s.io/v1").join(plural)?;
    let text = send(client, request(Method::POST, &path, Some(body))?).await?;
    let review: Review =
        serde_json::from_str(&text).map_err(|e| Failure::Other(Unknown::Failed(e.to_string())))?;
    Ok(review.status.allowed)
}
