//! The restricted standard, beyond the baseline.

use super::violation::{Violation, has_own_users, is_windows, violation};
use crate::facts::core::{Container, Pod, SecurityContext};

pub(super) fn check<'a>(pod: &'a Pod, all: &mut Vec<Violation<'a>>) {
    for volume in &pod.spec.volumes {
        all.push(Violation {
            reason: "restricted volume types",
            container: None,
            field: format!("volume {}", volume.name),
            seen: volume.refused_type.to_string(),
            wanted: "a type that reads nothing of the node or the network",
        });
    }
    let of_pod = &pod.spec.security_context;
    if !has_own_users(pod) {
        if of_pod.run_as_non_root == Some(false) {
            let field = "securityContext.runAsNonRoot";
            all.push(violation("runAsNonRoot != true", None, field, "false", "true"));
        }
        if of_pod.run_as_user == Some(0) {
            all.push(violation("runAsUser=0", None, "securityContext.runAsUser", "0", "not 0"));
        }
    }
    for container in pod.all_containers() {
        of_container(pod, container, all);
    }
}

fn of_container<'a>(pod: &'a Pod, container: &'a Container, all: &mut Vec<Violation<'a>>) {
    let none = SecurityContext::default();
    let security = container.security_context.as_ref().unwrap_or(&none);
    let of_pod = &pod.spec.security_context;
    let mut add = |reason, field, seen: &str, wanted| {
        all.push(violation(reason, Some(container), field, seen, wanted));
    };
    if !has_own_users(pod) {
        match security.run_as_non_root {
            Some(true) => {}
            Some(false) => add("runAsNonRoot != true", "runAsNonRoot", "false", "true"),
            None if of_pod.run_as_non_root == Some(true) => {}
            None => add("runAsNonRoot != true", "runAsNonRoot", "absent", "true"),
        }
        if security.run_as_user == Some(0) {
            add("runAsUser=0", "runAsUser", "0", "not 0");
        }
    }
    let mount = security.proc_mount.as_ref().filter(|mount| **mount != "Default");
    if let Some(mount) = mount {
        add("procMount", "procMount", mount, "Default");
    }
    if is_windows(pod) {
        return;
    }
    if security.allow_privilege_escalation != Some(false) {
        let reason = "allowPrivilegeEscalation != false";
        add(reason, "allowPrivilegeEscalation", "true", "false");
    }
    let capabilities = security.capabilities.as_ref();
    if !capabilities.is_some_and(|c| c.drop.iter().any(|name| *name == "ALL")) {
        add("unrestricted capabilities", "capabilities.drop", "not all", "ALL");
    }
    let added = capabilities.iter().flat_map(|c| &c.add);
    for name in added.filter(|name| **name != "NET_BIND_SERVICE") {
        add("unrestricted capabilities", "capabilities.add", name, "NET_BIND_SERVICE only");
    }
    let is_confined = |security: &SecurityContext| {
        let profile = security.seccomp_profile.as_ref();
        profile.is_some_and(|p| matches!(&*p.kind, "RuntimeDefault" | "Localhost"))
    };
    if security.seccomp_profile.is_none() && !is_confined(of_pod) {
        let wanted = "RuntimeDefault or Localhost";
        add("seccompProfile", "seccompProfile", "absent", wanted);
    }
}
