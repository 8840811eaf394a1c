//! The baseline standard.

use super::violation::{Violation, has_own_users, violation};
use crate::facts::core::{Container, Pod, SecurityContext};

/// Capabilities of the container runtime's default.
const CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// Kernel parameters that work in the pod's own namespaces only.
const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
];

/// Types of SELinux that are a container's.
const SELINUX_TYPES: &[&str] =
    &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

pub(super) fn check<'a>(pod: &'a Pod, all: &mut Vec<Violation<'a>>) {
    let spec = &pod.spec;
    let namespaces = [
        ("hostNetwork", spec.host_network),
        ("hostPID", spec.host_pid),
        ("hostIPC", spec.host_ipc),
    ];
    for (field, _) in namespaces.into_iter().filter(|(_, set)| *set) {
        all.push(violation("host namespaces", None, field, "true", "false"));
    }
    for volume in &spec.volumes {
        if let Some(host) = &volume.host_path {
            all.push(Violation {
                reason: "hostPath volumes",
                container: None,
                field: format!("volume {} hostPath", volume.name),
                seen: host.path.to_string(),
                wanted: "no path of the node",
            });
        }
    }
    for (container, profile) in &pod.metadata.annotations.app_armor {
        let is_allowed = matches!(&**profile, "" | "runtime/default");
        if !is_allowed && !profile.starts_with("localhost/") {
            let field = format!("annotation of AppArmor for {container}");
            let wanted = "runtime/default or localhost/NAME";
            all.push(Violation {
                reason: "forbidden AppArmor profile",
                container: None,
                field,
                seen: profile.to_string(),
                wanted,
            });
        }
    }
    for sysctl in &spec.security_context.sysctls {
        if !SYSCTLS.contains(&&*sysctl.name) {
            let wanted = "none that reaches beyond the pod";
            all.push(violation(
                "forbidden sysctls",
                None,
                "securityContext.sysctls",
                &*sysctl.name,
                wanted,
            ));
        }
    }
    of_both(&spec.security_context, None, all);
    for container in pod.all_containers() {
        of_container(pod, container, all);
    }
}

/// Fields that a pod and a container may both set.
fn of_both<'a>(
    security: &SecurityContext,
    container: Option<&'a Container>,
    all: &mut Vec<Violation<'a>>,
) {
    let prefix = if container.is_some() { "" } else { "securityContext." };
    let mut add = |reason, field: &str, seen: &str, wanted| {
        all.push(violation(reason, container, &format!("{prefix}{field}"), seen, wanted));
    };
    let confined = "RuntimeDefault or Localhost";
    let profiles = [
        ("seccompProfile", "seccompProfile", &security.seccomp_profile),
        ("forbidden AppArmor profile", "appArmorProfile", &security.app_armor_profile),
    ];
    for (reason, field, profile) in profiles {
        let loose = profile.as_ref();
        let loose = loose.filter(|p| !matches!(&*p.kind, "RuntimeDefault" | "Localhost"));
        if let Some(profile) = loose {
            add(reason, field, &profile.kind, confined);
        }
    }
    if let Some(options) = &security.se_linux_options {
        if !SELINUX_TYPES.contains(&&*options.kind) {
            add("seLinuxOptions", "seLinuxOptions.type", &options.kind, "a container's type");
        }
        for (field, value) in [("user", &options.user), ("role", &options.role)] {
            if !value.is_empty() {
                add("seLinuxOptions", &format!("seLinuxOptions.{field}"), value, "none");
            }
        }
    }
    let windows = security.windows_options.as_ref();
    if windows.is_some_and(|options| options.host_process == Some(true)) {
        add("hostProcess", "windowsOptions.hostProcess", "true", "false");
    }
}

fn of_container<'a>(pod: &'a Pod, container: &'a Container, all: &mut Vec<Violation<'a>>) {
    let here = Some(container);
    for port in container.ports.iter().filter(|port| port.host_port != 0) {
        all.push(violation("hostPort", here, "hostPort", port.host_port.to_string(), "none"));
    }
    let probes = [&container.liveness_probe, &container.readiness_probe, &container.startup_probe];
    let hooks = container.lifecycle.iter().flat_map(|hooks| [&hooks.post_start, &hooks.pre_stop]);
    for host in probes.into_iter().chain(hooks).flatten().flat_map(|handler| handler.hosts()) {
        let field = "probe or hook host";
        all.push(violation("probe or lifecycle host", here, field, host, "the pod itself"));
    }
    let Some(security) = &container.security_context else {
        return;
    };
    if security.privileged == Some(true) {
        all.push(violation("privileged", here, "privileged", "true", "false"));
    }
    for capability in security.capabilities.iter().flat_map(|c| &c.add) {
        if !CAPABILITIES.contains(&&**capability) {
            let reason = "non-default capabilities";
            all.push(violation(reason, here, "capabilities.add", &**capability, "none"));
        }
    }
    let mount = security.proc_mount.as_ref().filter(|mount| **mount != "Default");
    if let Some(mount) = mount.filter(|_| !has_own_users(pod)) {
        all.push(violation("procMount", here, "procMount", &**mount, "Default"));
    }
    of_both(security, here, all);
}
