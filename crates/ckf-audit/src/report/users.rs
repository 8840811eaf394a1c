//! Access of Juju users to a controller, its clouds, models and offers.

use std::collections::BTreeMap;

use comfy_table::Table;
use printable::line;
use serde::Serialize;

use super::table::{WIDTH, new_table_within, trimmed, wrapped};
use crate::facts::juju::{Grants, Juju};
use crate::facts::known::{Known, Unknown};

/// A user with all grants.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// User name, with its domain unless it is local.
    pub user: String,
    /// Access to the controller, for example `superuser`.
    pub controller: String,
    /// Login is disabled; `None` for external users.
    pub disabled: Option<bool>,
    /// Time of the last login, RFC 3339.
    pub last_login: Option<String>,
    /// Access by cloud.
    pub clouds: BTreeMap<String, String>,
    /// Access by model, `OWNER/NAME`.
    pub models: BTreeMap<String, String>,
    /// Access by offer URL.
    pub offers: BTreeMap<String, String>,
}

/// Access of all users, and what could not be read.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Users {
    /// Users, sorted by name.
    pub users: Vec<Row>,
    /// What could not be read, with the reason.
    pub unknown: BTreeMap<&'static str, String>,
}

impl Users {
    /// Collects grants by user.
    pub fn of(juju: &Juju) -> Self {
        let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
        let mut unknown = BTreeMap::new();
        for user in known("users", &juju.users, &mut unknown) {
            let row = rows.entry(&user.name).or_default();
            row.controller.clone_from(&user.access);
            row.disabled = (!user.name.contains('@')).then_some(user.disabled);
            row.last_login = user.last_connection.map(|last| last.to_string());
        }
        for model in known("models", &juju.models, &mut unknown) {
            let name = format!("{}/{}", model.owner, model.name);
            for (user, access) in &model.users {
                let row = rows.entry(user).or_default();
                row.models.insert(name.clone(), access.clone());
            }
        }
        for cloud in known("clouds", &juju.clouds, &mut unknown) {
            grant(&mut rows, cloud, |row| &mut row.clouds);
        }
        for offer in known("offers", &juju.offers, &mut unknown) {
            grant(&mut rows, offer, |row| &mut row.offers);
        }
        let named = rows.into_iter().map(|(name, row)| Row { user: name.to_owned(), ..row });
        Self { users: named.collect(), unknown }
    }

    /// As a table of the default width.
    pub fn table(&self) -> String {
        self.table_within(WIDTH)
    }

    /// As JSON on one line, with only these rows.
    pub fn json_of(&self, rows: &[Row]) -> String {
        #[derive(Serialize)]
        struct Part<'a> {
            users: &'a [Row],
            unknown: &'a BTreeMap<&'static str, String>,
        }
        let part = Part { users: rows, unknown: &self.unknown };
        // Strings only, so this cannot fail.
        serde_json::to_string(&part).unwrap_or_default()
    }

    /// As a table of this width in characters.
    pub fn table_within(&self, width: u16) -> String {
        let head = ["user", "controller", "last login", "clouds", "models", "offers"];
        let mut table: Table = new_table_within(&head, width);
        for row in &self.users {
            let controller = match (row.disabled, row.controller.as_str()) {
                (Some(true), _) => "disabled",
                (None, _) => "not local",
                (_, "") => "-",
                (_, access) => access,
            };
            let last = match (&row.last_login, row.disabled) {
                (Some(last), _) => last.as_str(),
                (None, Some(_)) => "never",
                (None, None) => "-",
            };
            table.add_row([
                line(&row.user).into_owned(),
                line(controller).into_owned(),
                last.to_owned(),
                list(&row.clouds),
                list(&row.models),
                list(&row.offers),
            ]);
        }
        let mut out = format!("{table}\n");
        for (what, why) in &self.unknown {
            let text = format!("unknown: {what}: {}\n", line(why));
            out.push_str(&wrapped(&text, width));
        }
        trimmed(&out)
    }
}

fn known<'a, T>(
    what: &'static str,
    fact: &'a Known<Vec<T>>,
    unknown: &mut BTreeMap<&'static str, String>,
) -> &'a [T] {
    match fact {
        Known::Known(all) => all,
        Known::Unknown(why) => {
            let why: &Unknown = why;
            unknown.insert(what, why.to_string());
            &[]
        }
    }
}

fn grant<'a>(
    rows: &mut BTreeMap<&'a str, Row>,
    of: &'a Grants,
    column: impl Fn(&mut Row) -> &mut BTreeMap<String, String>,
) {
    for (user, access) in &of.users {
        let row = rows.entry(user).or_default();
        column(row).insert(of.name.clone(), access.clone());
    }
}

fn list(grants: &BTreeMap<String, String>) -> String {
    let lines = grants.iter().map(|(name, access)| format!("{}: {}", line(name), line(access)));
    lines.collect::<Vec<_>>().join("\n")
}
