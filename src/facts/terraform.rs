//! Juju facts of a plan or state of Terraform, as `terraform show -json` prints it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::juju::Juju;
use super::planned::{BundleError, Planned, Platform, application};
use crate::catalog;
use ckf_model::juju::Options;

/// A plan, or a state.
#[derive(Deserialize)]
pub(super) struct Plan {
    /// Of a plan.
    planned_values: Option<Values>,
    /// Of a state.
    values: Option<Values>,
}

#[derive(Default, Deserialize)]
struct Values {
    #[serde(default)]
    root_module: Module,
}

#[derive(Default, Deserialize)]
struct Module {
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    child_modules: Vec<Module>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    address: String,
    #[serde(default)]
    values: Value,
}

impl Module {
    /// Its resources and those of the modules in it.
    fn all(&self) -> Vec<&Resource> {
        let mut all: Vec<&Resource> = self.resources.iter().collect();
        all.extend(self.child_modules.iter().flat_map(Module::all));
        all
    }
}

/// Text of a field; empty for none, and where it is known after the plan is applied only.
fn text<'a>(values: &'a Value, field: &str) -> &'a str {
    values[field].as_str().unwrap_or_default()
}

impl Plan {
    /// A text that is one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // A bundle in JSON has neither.
        let plan: Self = serde_json::from_str(text).ok()?;
        (plan.planned_values.is_some() || plan.values.is_some()).then_some(plan)
    }

    /// Applications and relations of the platform's model, and what of them could not be read.
    ///
    /// # Errors
    ///
    /// It has no applications.
    pub(super) fn juju(self, declared: &Options) -> Result<(Juju, Vec<String>), BundleError> {
        let values = self.planned_values.or(self.values).unwrap_or_default();
        let resources = values.root_module.all();
        let of =
            |kind: &'static str| resources.iter().filter(move |resource| resource.kind == kind);
        let model = |resource: &Resource| {
            let fields = ["model_uuid", "model"].map(|field| text(&resource.values, field));
            fields.into_iter().find(|model| !model.is_empty()).unwrap_or_default().to_owned()
        };
        // A plan may have models of others too, such as that of COS.
        let mut models: BTreeMap<String, usize> = BTreeMap::new();
        for resource in of("juju_application") {
            let count = models.entry(model(resource)).or_default();
            *count += usize::from(is_of_platform(resource));
        }
        let platform = models.into_iter().max_by_key(|(_, count)| *count).map(|(name, _)| name);
        let platform = platform.ok_or(BundleError::Empty)?;
        let is_here = |resource: &&&Resource| model(resource) == platform;
        let mut read = Platform { applications: BTreeMap::new(), problems: Vec::new() };
        for resource in of("juju_application").filter(is_here) {
            match planned(resource) {
                Some((name, planned)) => {
                    let made = application(name.clone(), planned, declared);
                    read.applications.insert(name, made);
                }
                None => {
                    let what = format!("plan: {}: its charm is not known", resource.address);
                    read.problems.push(what);
                }
            }
        }
        for resource in of("juju_integration").filter(is_here) {
            let ends: Vec<(String, String)> = resource.values["application"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|end| (text(end, "name").to_owned(), text(end, "endpoint").to_owned()))
                // The other end of one with an offer is in another model.
                .filter(|(name, _)| !name.is_empty())
                .collect();
            if let [one, other] = ends.as_slice() {
                read.relate("plan", one, other);
            }
        }
        Ok(read.juju())
    }
}

/// Name of the charm of an application.
fn charm(resource: &Resource) -> &str {
    text(&resource.values["charm"][0], "name")
}

fn is_of_platform(resource: &Resource) -> bool {
    let mut of_releases =
        catalog::releases().iter().flat_map(|release| release.applications.values());
    of_releases.any(|known| known.charm == charm(resource))
}

/// An application by its name. One that has none is called as its charm is.
fn planned(resource: &Resource) -> Option<(String, Planned)> {
    let values = &resource.values;
    let of_charm = &values["charm"][0];
    let charm = Some(charm(resource)).filter(|charm| !charm.is_empty())?;
    let name = Some(text(values, "name")).filter(|name| !name.is_empty()).unwrap_or(charm);
    let options = values["config"].as_object().into_iter().flatten();
    // The provider has every value as a text.
    let option = |(name, value): (&String, &Value)| {
        let typed = match value.as_str() {
            Some("true") => true.into(),
            Some("false") => false.into(),
            _ => value.clone(),
        };
        (name.clone(), typed)
    };
    Some((
        name.to_owned(),
        Planned {
            charm: charm.to_owned(),
            channel: text(of_charm, "channel").to_owned(),
            revision: of_charm["revision"].as_u64(),
            trust: values["trust"] == true,
            options: options.filter(|(_, value)| !value.is_null()).map(option).collect(),
        },
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::bundle::read;
    use crate::facts::known::Known;

    fn application(name: Value, charm: &str, config: Value) -> Value {
        json!({"type": "juju_application", "address": format!("module.kubeflow.juju_application.{charm}"),
            "values": {"name": name, "model": "kubeflow", "trust": true, "config": config,
                "charm": [{"name": charm, "channel": "2.41/stable", "revision": 612}]}})
    }

    #[test]
    fn plan_of_terraform_is_read_as_the_bundle_that_it_deploys() {
        let end = |name: &str, endpoint: Value| json!({"name": name, "endpoint": endpoint});
        let relate = |one: Value, other: Value| json!({"type": "juju_integration", "values": {"model": "kubeflow", "application": [one, other]}});
        let mut other = application(json!("dex-auth"), "prometheus-k8s", Value::Null);
        other["values"]["model"] = json!("cos");
        let modules = json!([{"resources": [
            application(json!("dex-auth"), "dex-auth",
                json!({"static-username": "admin", "static-password": "admin", "enable-password-db": "true"})),
            application(Value::Null, "istio-pilot", Value::Null),
            application(json!("ca"), "self-signed-certificates", json!({})),
            relate(end("istio-pilot", json!("certificates")), end("ca", Value::Null)),
        ]}, {"resources": [other]}]);
        for field in ["planned_values", "values"] {
            let plan = json!({"format_version": "1.2", field: {"root_module": {"child_modules": modules}}});
            let (juju, problems) = read(&plan.to_string(), &Options::new()).unwrap();
            assert_eq!(problems, [""; 0]);
            let Known::Known(all) = &juju.applications else { panic!("applications are unknown") };
            let names: Vec<&str> = all.iter().map(|a| a.name.as_str()).collect();
            assert_eq!(names, ["ca", "dex-auth", "istio-pilot"]);
            let dex = &all[1];
            assert_eq!(
                (dex.charm.as_str(), dex.revision, dex.trusted),
                ("dex-auth", Some(612), true)
            );
            assert!(dex.options["static-password"].password.unwrap().well_known);
            assert!(all[2].is_related("certificates"));
        }
    }

    #[test]
    fn plan_without_applications_is_refused() {
        let plan = json!({"planned_values": {"root_module": {}}});
        assert!(matches!(read(&plan.to_string(), &Options::new()), Err(BundleError::Empty)));
    }
}
