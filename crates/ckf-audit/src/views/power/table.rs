//! The ways to each power.

use super::way::{Power, Way};

/// What answers with the object's content.
const SEE: &[&str] = &["get", "list", "watch", "update", "patch", "deletecollection"];
const WRITE: &[&str] = &["create", "update", "patch"];
const CHANGE: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];
const UPDATE: &[&str] = &["update", "patch"];
/// WebSockets connect with `get`.
const CONNECT: &[&str] = &["create", "get"];
/// Each method of HTTP is a verb of its own.
const PROXY: &[&str] = &["get", "create", "update", "patch", "delete"];
const CREATE: &[&str] = &["create"];
const IMPERSONATE: &[&str] = &["impersonate"];
const RAISE: &[&str] = &["escalate", "bind"];
const SIGN: &[&str] = &["approve", "sign"];

const fn own(
    power: Power,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
) -> Way {
    Way { power, group, resource, verbs, is_of_cluster: false }
}

const fn cluster(
    power: Power,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
) -> Way {
    Way { power, group, resource, verbs, is_of_cluster: true }
}

/// The ways, the plainest of each power first.
pub(super) const WAYS: &[Way] = &[
    own(Power::Secrets, "", "secrets", SEE),
    own(Power::Code, "", "pods", WRITE),
    own(Power::Code, "", "replicationcontrollers", WRITE),
    own(Power::Code, "", "pods/exec", CONNECT),
    own(Power::Code, "", "pods/attach", CONNECT),
    own(Power::Code, "", "pods/ephemeralcontainers", UPDATE),
    own(Power::Code, "apps", "deployments", WRITE),
    own(Power::Code, "apps", "statefulsets", WRITE),
    own(Power::Code, "apps", "daemonsets", WRITE),
    own(Power::Code, "apps", "replicasets", WRITE),
    own(Power::Code, "batch", "jobs", WRITE),
    own(Power::Code, "batch", "cronjobs", WRITE),
    own(Power::Code, "kubeflow.org", "notebooks", WRITE),
    own(Power::Code, "kubeflow.org", "pytorchjobs", WRITE),
    own(Power::Code, "kubeflow.org", "tfjobs", WRITE),
    own(Power::Code, "kubeflow.org", "mpijobs", WRITE),
    own(Power::Code, "kubeflow.org", "xgboostjobs", WRITE),
    own(Power::Code, "kubeflow.org", "paddlejobs", WRITE),
    own(Power::Code, "kubeflow.org", "jaxjobs", WRITE),
    own(Power::Code, "kubeflow.org", "mxjobs", WRITE),
    own(Power::Code, "kubeflow.org", "experiments", WRITE),
    own(Power::Code, "kubeflow.org", "trials", WRITE),
    own(Power::Code, "kubeflow.org", "suggestions", WRITE),
    own(Power::Code, "kubeflow.org", "poddefaults", WRITE),
    own(Power::Code, "kubeflow.org", "pvcviewers", WRITE),
    own(Power::Code, "kubeflow.org", "scheduledworkflows", WRITE),
    own(Power::Code, "tensorboard.kubeflow.org", "tensorboards", WRITE),
    own(Power::Code, "pipelines.kubeflow.org", "runs", WRITE),
    own(Power::Code, "pipelines.kubeflow.org", "jobs", WRITE),
    own(Power::Code, "argoproj.io", "workflows", WRITE),
    own(Power::Code, "argoproj.io", "cronworkflows", WRITE),
    own(Power::Code, "argoproj.io", "workflowtemplates", WRITE),
    cluster(Power::Code, "argoproj.io", "clusterworkflowtemplates", WRITE),
    own(Power::Code, "serving.kserve.io", "inferenceservices", WRITE),
    own(Power::Code, "serving.kserve.io", "servingruntimes", WRITE),
    own(Power::Code, "serving.kserve.io", "inferencegraphs", WRITE),
    cluster(Power::Code, "serving.kserve.io", "clusterservingruntimes", WRITE),
    own(Power::Code, "serving.knative.dev", "services", WRITE),
    own(Power::Code, "serving.knative.dev", "configurations", WRITE),
    own(Power::Code, "trainer.kubeflow.org", "trainjobs", WRITE),
    own(Power::Code, "trainer.kubeflow.org", "trainingruntimes", WRITE),
    cluster(Power::Code, "trainer.kubeflow.org", "clustertrainingruntimes", WRITE),
    own(Power::Code, "jobset.x-k8s.io", "jobsets", WRITE),
    own(Power::Code, "leaderworkerset.x-k8s.io", "leaderworkersets", WRITE),
    own(Power::Code, "sparkoperator.k8s.io", "sparkapplications", WRITE),
    own(Power::Code, "sparkoperator.k8s.io", "scheduledsparkapplications", WRITE),
    own(Power::Code, "ray.io", "rayclusters", WRITE),
    own(Power::Code, "ray.io", "rayjobs", WRITE),
    own(Power::Code, "ray.io", "rayservices", WRITE),
    own(Power::Accounts, "", "serviceaccounts", IMPERSONATE),
    own(Power::Accounts, "", "serviceaccounts/token", CREATE),
    own(Power::Reach, "", "pods/portforward", CONNECT),
    own(Power::Reach, "", "pods/proxy", PROXY),
    own(Power::Reach, "", "services/proxy", PROXY),
    cluster(Power::Users, "", "users", IMPERSONATE),
    cluster(Power::Users, "", "groups", IMPERSONATE),
    own(Power::Rights, "rbac.authorization.k8s.io", "roles", RAISE),
    cluster(Power::Rights, "rbac.authorization.k8s.io", "clusterroles", RAISE),
    own(Power::Doors, "rbac.authorization.k8s.io", "rolebindings", CHANGE),
    cluster(Power::Doors, "rbac.authorization.k8s.io", "clusterrolebindings", CHANGE),
    own(Power::Doors, "security.istio.io", "authorizationpolicies", CHANGE),
    own(Power::Doors, "security.istio.io", "peerauthentications", CHANGE),
    own(Power::Doors, "security.istio.io", "requestauthentications", CHANGE),
    own(Power::Doors, "networking.k8s.io", "networkpolicies", CHANGE),
    own(Power::Doors, "networking.istio.io", "envoyfilters", CHANGE),
    cluster(Power::Doors, "", "namespaces", CHANGE),
    cluster(Power::Doors, "kubeflow.org", "profiles", CHANGE),
    cluster(
        Power::Admission,
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        CHANGE,
    ),
    cluster(
        Power::Admission,
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
        CHANGE,
    ),
    cluster(
        Power::Admission,
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
        CHANGE,
    ),
    cluster(
        Power::Admission,
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
        CHANGE,
    ),
    cluster(Power::Admission, "admissionregistration.k8s.io", "mutatingadmissionpolicies", CHANGE),
    cluster(
        Power::Admission,
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicybindings",
        CHANGE,
    ),
    cluster(Power::Admission, "apiregistration.k8s.io", "apiservices", CHANGE),
    cluster(Power::Admission, "apiextensions.k8s.io", "customresourcedefinitions", CHANGE),
    cluster(Power::Admission, "metacontroller.k8s.io", "compositecontrollers", CHANGE),
    cluster(Power::Admission, "metacontroller.k8s.io", "decoratorcontrollers", CHANGE),
    cluster(Power::Nodes, "", "nodes/proxy", CONNECT),
    cluster(Power::Nodes, "", "nodes", CHANGE),
    cluster(Power::Nodes, "", "persistentvolumes", CHANGE),
    cluster(
        Power::Certificates,
        "certificates.k8s.io",
        "certificatesigningrequests/approval",
        UPDATE,
    ),
    cluster(Power::Certificates, "certificates.k8s.io", "signers", SIGN),
];
