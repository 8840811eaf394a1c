//! Request paths of the API server; all names are encoded here.

use std::fmt;

/// A name that is not a valid path segment; no request is sent with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be part of a path of the API server")]
pub struct PathError(pub String);

/// A request path with its query. Segments may contain any character that RBAC allows in
/// names: all but `/` and `%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPath {
    path: String,
    query: String,
}

impl ApiPath {
    /// The path of a group version, as written in `apiVersion`.
    pub fn of(api_version: &str) -> Result<Self, PathError> {
        match api_version.split_once('/') {
            Some((group, version)) => Self::from("/apis").join(group)?.join(version),
            None => Self::from("/api").join(api_version),
        }
    }

    /// Appends a segment.
    pub fn join(mut self, segment: &str) -> Result<Self, PathError> {
        // The API server rejects these names too: they would change the path.
        if matches!(segment, "" | "." | "..") || segment.contains(['/', '%']) {
            return Err(PathError(segment.to_owned()));
        }
        self.path.push('/');
        self.path.push_str(&encode(segment));
        Ok(self)
    }

    /// The path of a kind's list, in a namespace or, if that is empty, in the cluster.
    pub fn all(api_version: &str, namespace: &str, plural: &str) -> Result<Self, PathError> {
        let path = Self::of(api_version)?;
        match namespace {
            "" => path.join(plural),
            namespace => path.join("namespaces")?.join(namespace)?.join(plural),
        }
    }

    /// Appends a query parameter.
    pub fn with(mut self, parameter: &'static str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(parameter);
        self.query.push('=');
        self.query.push_str(&encode(value));
        self
    }

    /// The path without the query.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A constant path.
impl From<&'static str> for ApiPath {
    fn from(path: &'static str) -> Self {
        Self { path: path.to_owned(), query: String::new() }
    }
}

impl fmt::Display for ApiPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, self.query)
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    const RBAC: &str = "rbac.authorization.k8s.io/v1";

    #[test]
    fn name_with_special_characters_stays_one_segment() {
        for (name, segment) in [
            ("default-editor?x=y", "default-editor%3Fx%3Dy"),
            ("hash#tag", "hash%23tag"),
            ("with space", "with%20space"),
            ("dot;..;", "dot%3B..%3B"),
            ("new\nline\u{1b}[31m", "new%0Aline%1B%5B31m"),
            ("system:node", "system%3Anode"),
            ("ü", "%C3%BC"),
        ] {
            let path = ApiPath::all(RBAC, "admin", "rolebindings").unwrap();
            let path = path.join(name).unwrap();
            let expected = format!("/apis/{RBAC}/namespaces/admin/rolebindings/{segment}");
            assert_eq!(path.to_string(), expected, "{name:?}");
            let uri: http::Uri = path.to_string().parse().unwrap();
            assert_eq!((uri.path(), uri.query()), (&*expected, None), "{name:?}");
        }
    }

    #[test]
    fn segment_that_changes_the_path_is_rejected() {
        for name in ["", ".", "..", "a/b", "kube-system/pods/owned", "%2e%2e"] {
            assert_eq!(ApiPath::of("v1").unwrap().join(name), Err(PathError(name.to_owned())));
            assert!(ApiPath::all("v1", "admin/../kube-system", "pods").is_err());
        }
        assert!(ApiPath::of("a/b/c").is_err());
    }

    #[test]
    fn query_is_encoded() {
        let path = ApiPath::from("/api/v1/pods").with("limit", "5").with("labelSelector", "a=b,c");
        assert_eq!(path.to_string(), "/api/v1/pods?limit=5&labelSelector=a%3Db%2Cc");
        assert_eq!(path.path(), "/api/v1/pods");
    }
}
