//! Kubeconfigs, by kubectl's rules: which files, which context, and which proxy.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, Cluster, Kubeconfig};

use super::proxy::{Environment, NamedProxyError, proxy_of};
use super::request::redacted;
use super::source::{ReadError, Source};

/// Largest accepted kubeconfig, in bytes.
const LARGEST: u64 = 4 << 20;

/// A configuration of the client, and the name of the context that it is of.
pub struct Loaded {
    /// Configuration.
    pub config: kube::Config,
    /// Context; empty in a pod.
    pub context: String,
}

/// Problems of a kubeconfig, without content that may be secret.
#[derive(Debug, thiserror::Error)]
enum KubeconfigError {
    #[error("it is larger than {LARGEST} bytes")]
    TooLarge,
    #[error(
        "no current context; choose one with --context or `kubectl config use-context`; {known}"
    )]
    NoCurrentContext { known: Contexts },
    #[error("no context {name}; {known}")]
    NoContext { name: String, known: Contexts },
    #[error("context {context} names cluster {cluster:?}, which is missing")]
    NoCluster { context: String, cluster: String },
    #[error("cluster {cluster:?}: {source}")]
    Cluster { cluster: String, source: ClusterError },
}

/// Problems of a cluster of a kubeconfig.
#[derive(Debug, thiserror::Error)]
enum ClusterError {
    #[error("it has no server")]
    NoServer,
    #[error("server {server:?} is no URL: {source}")]
    Server { server: String, source: http::uri::InvalidUri },
    #[error("its authority is not readable")]
    UnreadableAuthority,
    #[error("certificate-authority-data is not base64")]
    NoBase64,
    #[error("certificate-authority {path}: {source}")]
    AuthorityFile { path: String, source: std::io::Error },
    #[error("its certificate authority has no certificate in PEM")]
    NoCertificate,
    #[error(transparent)]
    Proxy(#[from] NamedProxyError),
}

/// The names of a kubeconfig's contexts, which a user may have meant.
#[derive(Debug)]
struct Contexts(Vec<String>);

impl fmt::Display for Contexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("it has no contexts"),
            known => write!(f, "contexts are: {}", known.join(", ")),
        }
    }
}

/// Loads what a source names, else KUBECONFIG, ~/.kube/config or the pod's own account.
pub fn load(source: &Source) -> Result<Loaded, ReadError> {
    let files = files(source)?;
    let shown = files.shown();
    let problem = |message: String| ReadError::Kubeconfig { path: shown.clone(), message };
    let mut loaded = match merged(&files)? {
        Some(merged) => of_context(&merged, source.context.as_deref())
            .map_err(|why| problem(why.to_string()))?,
        None => {
            let config =
                kube::Config::incluster().map_err(|_| ReadError::NoCluster(shown.clone()))?;
            Loaded { config, context: String::new() }
        }
    };
    if let Some(user) = &source.impersonate {
        let auth = &mut loaded.config.auth_info;
        auth.impersonate = Some(user.clone());
        auth.impersonate_uid = None;
        auth.impersonate_user_extra = None;
        auth.impersonate_groups = Some(source.impersonate_groups.clone());
    }
    Ok(loaded)
}

/// Names of the contexts of what a source names, in the order of the files.
pub fn contexts(source: &Source) -> Result<Vec<String>, ReadError> {
    let files = files(source)?;
    let merged = merged(&files)?.ok_or_else(|| ReadError::NoCluster(files.shown()))?;
    Ok(merged.contexts.into_iter().map(|context| context.name).collect())
}

/// The files, merged as kubectl merges them; `None` if none exists.
fn merged(files: &Files) -> Result<Option<Kubeconfig>, ReadError> {
    let mut merged = Kubeconfig::default();
    let mut is_any = false;
    for path in &files.paths {
        // kubectl skips those that are missing in a list, and the usual one.
        if !files.is_named && !path.exists() {
            continue;
        }
        is_any = true;
        let of_file =
            |message: String| ReadError::Kubeconfig { path: path.display().to_string(), message };
        bounded(path).map_err(|why| of_file(why.to_string()))?;
        let next = Kubeconfig::read_from(path).map_err(|error| of_file(redacted(&error)))?;
        merged = merged.merge(next).map_err(|error| of_file(redacted(&error)))?;
    }
    Ok(is_any.then_some(merged))
}

struct Files {
    paths: Vec<PathBuf>,
    /// By `--kubeconfig`, so that it has to be there.
    is_named: bool,
}

impl Files {
    fn shown(&self) -> String {
        let paths: Vec<String> = self.paths.iter().map(|path| path.display().to_string()).collect();
        paths.join(":")
    }
}

fn files(source: &Source) -> Result<Files, ReadError> {
    if let Some(path) = &source.kubeconfig {
        return Ok(Files { paths: vec![path.clone()], is_named: true });
    }
    let of_environment = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut paths: Vec<PathBuf> = std::env::split_paths(&of_environment).collect();
    paths.retain(|path| !path.as_os_str().is_empty());
    if paths.is_empty() {
        paths.extend(std::env::home_dir().map(|home| home.join(".kube/config")));
    }
    Ok(Files { paths, is_named: false })
}

/// Rejects a kubeconfig over the size limit.
fn bounded(path: &Path) -> Result<(), KubeconfigError> {
    let is_large = std::fs::metadata(path).is_ok_and(|file| file.len() > LARGEST);
    if is_large { Err(KubeconfigError::TooLarge) } else { Ok(()) }
}

/// The configuration of a context; without a name, of the current one.
fn of_context(kubeconfig: &Kubeconfig, name: Option<&str>) -> Result<Loaded, KubeconfigError> {
    let known = || Contexts(kubeconfig.contexts.iter().map(|c| c.name.clone()).collect());
    let current = kubeconfig.current_context.as_deref().filter(|name| !name.is_empty());
    let name = name.or(current);
    let name = name.ok_or_else(|| KubeconfigError::NoCurrentContext { known: known() })?;
    let context = kubeconfig.contexts.iter().find(|context| context.name == name);
    let context = context.and_then(|named| named.context.as_ref());
    let no_context = || KubeconfigError::NoContext { name: name.to_owned(), known: known() };
    let context = context.ok_or_else(no_context)?;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
    let cluster = cluster.and_then(|named| named.cluster.as_ref());
    let cluster = cluster.ok_or_else(|| KubeconfigError::NoCluster {
        context: name.to_owned(),
        cluster: context.cluster.clone(),
    })?;
    let user = context.user.as_deref().and_then(|user| {
        let known = kubeconfig.auth_infos.iter().find(|known| known.name == user);
        known.and_then(|named| named.auth_info.clone())
    });
    let config = config(cluster, user.unwrap_or_default(), context.namespace.as_deref())
        .map_err(|source| KubeconfigError::Cluster { cluster: context.cluster.clone(), source })?;
    Ok(Loaded { config, context: name.to_owned() })
}

fn config(
    cluster: &Cluster,
    mut user: AuthInfo,
    namespace: Option<&str>,
) -> Result<kube::Config, ClusterError> {
    let server = cluster.server.as_deref().filter(|server| !server.is_empty());
    let server = server.ok_or(ClusterError::NoServer)?;
    // kubectl takes a host without a scheme for HTTPS if there is an authority, and HTTP else.
    let server = match server.contains("://") {
        true => server.to_owned(),
        false => format!("https://{server}"),
    };
    let url: http::Uri =
        server.parse().map_err(|source| ClusterError::Server { server, source })?;
    let mut config = kube::Config::new(url);
    config.default_namespace = namespace.unwrap_or("default").to_owned();
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name = cluster.tls_server_name.clone().filter(|name| !name.is_empty());
    config.root_cert = authorities(cluster)?;
    if let Some(exec) = &mut user.exec
        && exec.provide_cluster_info
    {
        exec.cluster = Some(cluster.try_into().map_err(|_| ClusterError::UnreadableAuthority)?);
    }
    config.auth_info = user;
    config.proxy_url =
        proxy_of(&config.cluster_url, cluster.proxy_url.as_deref(), &Environment::read())?;
    Ok(config)
}

/// The authority of a cluster's certificate, DER; `None` for those of the system.
fn authorities(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, ClusterError> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject as _;

    let data = cluster.certificate_authority_data.as_deref().filter(|data| !data.is_empty());
    let file = cluster.certificate_authority.as_deref().filter(|path| !path.is_empty());
    let pem = match (data, file) {
        (Some(data), _) => {
            let data: String = data.split_whitespace().collect();
            STANDARD.decode(data).map_err(|_| ClusterError::NoBase64)?
        }
        (None, Some(path)) => {
            let unread = |source| ClusterError::AuthorityFile { path: path.to_owned(), source };
            std::fs::read(path).map_err(unread)?
        }
        (None, None) => return Ok(None),
    };
    let all: Result<Vec<Vec<u8>>, _> = CertificateDer::pem_slice_iter(&pem)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(Some(all)),
        _ => Err(ClusterError::NoCertificate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(yaml: &str, context: Option<&str>) -> String {
        let kubeconfig = Kubeconfig::from_yaml(yaml).unwrap();
        of_context(&kubeconfig, context).err().map(|why| why.to_string()).unwrap_or_default()
    }

    const TWO: &str = "
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:9'}}]
contexts: [{name: one, context: {cluster: c, user: u}}, {name: two, context: {cluster: gone}}]
";

    #[test]
    fn missing_context_names_the_others() {
        let none = message(TWO, None);
        assert!(none.starts_with("no current context;") && none.ends_with("one, two"), "{none}");
        assert_eq!(message(TWO, Some("onee")), "no context onee; contexts are: one, two");
        assert_eq!(
            message(TWO, Some("two")),
            "context two names cluster \"gone\", which is missing"
        );
        assert_eq!(message(TWO, Some("one")), "");
        assert!(message("clusters: []", None).ends_with("it has no contexts"));
    }

    #[test]
    fn server_and_authority_are_read_as_kubectl_reads_them() {
        let of = |cluster: &str| {
            let yaml = format!(
                "current-context: c\nclusters: [{{name: c, cluster: {cluster}}}]\ncontexts: [{{name: c, context: {{cluster: c}}}}]\n"
            );
            of_context(&Kubeconfig::from_yaml(&yaml).unwrap(), None)
        };
        let v6 = of("{server: 'https://[::1]:6443'}").unwrap().config;
        assert_eq!(v6.cluster_url.host(), Some("[::1]"));
        let bare = of("{server: '10.0.0.1:6443'}").unwrap().config;
        assert_eq!(bare.cluster_url.scheme_str(), Some("https"));
        let named = of("{server: 'https://10.0.0.1', tls-server-name: kubernetes}").unwrap().config;
        assert_eq!(named.tls_server_name.as_deref(), Some("kubernetes"));
        for (cluster, expected) in [
            ("{}", "it has no server"),
            ("{server: x, certificate-authority-data: '***'}", "is not base64"),
            ("{server: x, certificate-authority-data: 'YQ=='}", "no certificate in PEM"),
            ("{server: x, certificate-authority: /nowhere/ca}", "/nowhere/ca"),
            ("{server: x, proxy-url: 'ftp://p'}", "ftp"),
        ] {
            let why = of(cluster).err().unwrap().to_string();
            assert!(why.contains(expected), "{cluster}: {why}");
        }
    }
}
