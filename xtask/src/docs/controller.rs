//! Page of the calls to the controller, from the uses of the charm that tests make with just the
//! grants named.

use std::fmt::Write as _;

use ckf_hardening::permissions::controller::{Grant, USES};

use super::GENERATED;

/// The page.
pub(super) fn page() -> String {
    let mut text = format!("{GENERATED}# Calls to the Juju controller\n\n");
    text.push_str("| use | grants | calls, beside `Admin.Login` |\n|---|---|---|\n");
    for one in USES {
        let grants: Vec<&str> = one.grants.iter().copied().map(Grant::name).collect();
        let grants = if grants.is_empty() { "none".to_owned() } else { grants.join(", ") };
        let calls: Vec<String> = one.calls.iter().map(|call| format!("`{call}`")).collect();
        let _ = writeln!(text, "| {} | {grants} | {} |", one.name, calls.join(", "));
    }
    text.push_str(END);
    text
}

const END: &str = "
Tests run rotations, `tls-secret` and audits as users who hold just these grants, and as users who lack one. Neither grant includes the
other: `superuser` sees every model's users and status, but is refused `Application`, `Secrets` and `Action` of a model that it has no
access to; the status then names the missing grant.

What a login sees of models, clouds and offers depends on its access: `read` on a model shows the model; its users are shown to an
administrator of it on 3.6, and to `superuser` alone on 4.0. A cloud's users are shown to an administrator of the cloud, offers to an
administrator of the model, and all of them to `superuser`.

Versions: UserManager 2 and 3, ModelManager 9 to 11, Cloud 7 and 8, ApplicationOffers 4 to 6, Client 6 to 8, Application 19 to
22, Charms 5 to 7, Resources 3, Action 7, Controller 11 to 14. The newest version that the controller also supports is used; if there is none, the status says so.

Without `superuser`, CRED-01 to CRED-03 are *not assessed*, nor is JUJU-01 for models that the login cannot see. Without a
login, no control that is read from Juju is assessed. On JAAS there are no local users, and UserManager is not available.

On the command line the login comes from Juju's client store (`JUJU_DATA`); `--controller` selects a controller other than the current
one. The store must contain a password: cookie logins are not supported.
";
