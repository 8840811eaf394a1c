//! What Knative's operator is asked for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::core::wire;
use super::object::{Meta, object};

wire! {
/// Knative Serving.
KnativeServing {
    /// Metadata.
    metadata: Meta,
    /// What is asked for.
    spec: KnativeSpec,
}}
object!(KnativeServing, "operator.knative.dev/v1beta1", "KnativeServing");

wire! {
/// Knative Eventing.
KnativeEventing {
    /// Metadata.
    metadata: Meta,
    /// What is asked for.
    spec: KnativeSpec,
}}
object!(KnativeEventing, "operator.knative.dev/v1beta1", "KnativeEventing");

wire! {
/// What is asked for.
KnativeSpec {
    /// Where images come from.
    registry: Registry,
}}

wire! {
/// Where images come from.
Registry {
    /// Images to use instead of the operator's own, by container.
    r#override: BTreeMap<String, String>,
}}
