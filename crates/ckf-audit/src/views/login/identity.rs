//! Filters and policies that set the headers by which the platform identifies a user.

use crate::facts::istio::{AmbientFilter, HeaderOperations, PatchContent};
use crate::facts::object::ObjectRef;

/// Headers that the platform's applications take for a user's identity.
const IDENTITY: [&str; 3] = ["kubeflow-userid", "kubeflow-groups", "authorization"];

/// Filters that run code, or set headers by rules that are not read here.
const CODE: [&str; 7] = [
    "envoy.filters.http.lua",
    "envoy.filters.http.wasm",
    "envoy.filters.http.ext_proc",
    "envoy.filters.http.golang",
    "envoy.filters.http.dynamic_modules",
    "envoy.filters.http.header_mutation",
    "envoy.filters.http.credential_injector",
];

/// Whatever sets such a header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IdentitySetter {
    /// The object.
    pub object: ObjectRef,
    /// The field.
    pub field: String,
    /// What it does.
    pub how: String,
}

/// Whether the platform takes a header for the user's identity.
pub fn is_identity(header: &str) -> bool {
    IDENTITY.iter().any(|known| header.eq_ignore_ascii_case(known))
}

/// The first header of identity that a route's operations set.
pub fn setters<'h>(headers: impl IntoIterator<Item = &'h HeaderOperations>) -> Option<&'h str> {
    headers.into_iter().flat_map(HeaderOperations::names).find(|name| is_identity(name))
}

/// The headers that filters of a route of the Gateway API set.
pub fn modifiers(filters: &[AmbientFilter]) -> impl Iterator<Item = &HeaderOperations> {
    filters.iter().filter_map(|filter| filter.request_header_modifier.as_deref())
}

/// How a patch sets a header of identity, or may.
pub fn sets_identity(content: &PatchContent) -> Option<String> {
    content.value.iter().find_map(|(path, value)| {
        let is_added = path.contains("request_headers_to_add") && path.ends_with(".key");
        if is_added && is_identity(value) {
            return Some(format!("sets {}", value.to_ascii_lowercase()));
        }
        let is_type =
            path.ends_with("@type") || path.ends_with("type_url") || path.ends_with("name");
        let code = CODE.iter().find(|filter| {
            let short = filter.rsplit('.').next().unwrap_or(filter);
            value == *filter || value.contains(&format!(".http.{short}.v"))
        });
        let code = code.filter(|_| is_type);
        code.map(|filter| format!("runs {filter}, which may set any header"))
    })
}
