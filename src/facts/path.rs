//! Paths of the API server: the one place where names become segments of one.

use std::fmt;

/// A name that no path can hold, so that no request is made with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot be part of a path of the API server")]
pub struct PathError(pub String);

/// A path of the API server, with its query. Each segment is a name as it is there, whatever
/// characters it has: RBAC allows all but `/` and `%`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiPath {
    path: String,
    query: String,
}

impl ApiPath {
    /// The path of a group and version, as `apiVersion` names them.
    pub fn of(api_version: &str) -> Result<Self, PathError> {
        match api_version.split_once('/') {
            Some((group, version)) => Self::from("/apis").join(group)?.join(version),
            None => Self::from("/api").join(api_version),
        }
    }

    /// This path and one more segment.
    pub fn join(mut self, segment: &str) -> Result<Self, PathError> {
        // What the API server itself refuses as a name: it would end or change the path.
        if matches!(segment, "" | "." | "..") || segment.contains(['/', '%']) {
            return Err(PathError(segment.to_owned()));
        }
        self.path.push('/');
        self.path.push_str(&encode(segment));
        Ok(self)
    }

    /// The path of all objects of a kind in a namespace; of all there are, without one.
    pub fn all(api_version: &str, namespace: &str, plural: &str) -> Result<Self, PathError> {
        let path = Self::of(api_version)?;
        match namespace {
            "" => path.join(plural),
            namespace => path.join("namespaces")?.join(namespace)?.join(plural),
        }
    }

    /// This path with one more parameter of its query.
    pub fn with(mut self, parameter: &'static str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(parameter);
        self.query.push('=');
        self.query.push_str(&encode(value));
        self
    }

    /// The path without its query.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// A path that the program itself names.
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

/// Everything but what RFC 3986 leaves unreserved is written by its bytes.
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
    fn name_with_any_character_stays_one_segment() {
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
    fn segment_that_would_lead_elsewhere_is_refused() {
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
