//! The web apps that trust the header `kubeflow-userid`, and the ports on which they do.

/// The web apps that trust the header kubeflow-userid, and their ports.
pub(crate) const WEB_APPS: &[(&str, &[u16])] = &[
    ("jupyter-ui", &[5000]),
    ("katib-ui", &[8080]),
    ("kfp-ui", &[3000]),
    ("kubeflow-dashboard", &[8082]),
    ("kubeflow-profiles", &[8081]),
    ("kubeflow-volumes", &[5000]),
    ("tensorboards-web-app", &[5000]),
];

/// kfp-api trusts the header too. Profiles have to reach it, so NET-02 does not require it to be
/// closed.
pub(crate) const KFP_API: (&str, &[u16]) = ("kfp-api", &[8888, 8887]);

/// Services of kfp-api, which asks for a token where no header names a user.
pub(crate) const KFP_API_SERVICES: [&str; 2] = ["ml-pipeline", "kfp-api"];
