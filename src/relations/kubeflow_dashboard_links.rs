//! `kubeflow_dashboard_links`: a link in the menu of Kubeflow's dashboard. A key that it does
//! not know, or a place that is none, puts the dashboard's charm into an error.

use juju_charm::relation::Databag;
use serde_json::json;

/// What the application writes.
pub fn application(path: &str) -> Databag {
    let links = json!([{
        "text": "Hardening", "link": path, "location": "menu", "type": "item",
        "icon": "icons:verified-user", "desc": "How this platform stands by its security guide",
    }]);
    Databag::from([("dashboard_links".into(), links.to_string())])
}
