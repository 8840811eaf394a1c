//! The action `list-users`.

use anyhow::bail;

use super::results::{Results, WIDTH};
use crate::charm::controller::LoginProblem;
use crate::charm::gather;
use crate::charm::hook::Hook;
use crate::facts::known::Known;
use crate::report;

/// The action `list-users`.
pub fn list(hook: &Hook<'_>) -> anyhow::Result<()> {
    let Some(option) = hook.login() else {
        bail!("{}", LoginProblem::NotSet);
    };
    let juju = match gather::controller(hook.unit, option, &Default::default()) {
        Known::Known(juju) => juju,
        Known::Unknown(why) => bail!("{why}"),
    };
    let users = report::Users::of(&juju);
    let table = users.table_within(WIDTH);
    let elsewhere = "`ckf-hardening users` prints all";
    let json = |rows: &[report::UserRow]| users.json_of(rows);
    let results =
        Results::default().lines("users", &table, elsewhere).json("json", &users.users, json);
    Ok(results.set()?)
}
