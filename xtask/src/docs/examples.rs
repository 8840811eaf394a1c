//! What the program prints for a stock deployment, as documents show it: a picture of a terminal,
//! and the excerpts of the tutorial between `<!-- output: NAME -->` and `<!-- end -->`.

use anyhow::{Context as _, bail};
use ckf_hardening::facts::core::Version;
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::style::Style;
use ckf_hardening::report::table::{Look, render_with};
use ckf_hardening::report::{Format, Report};
use ckf_worlds::World;

use super::terminal;
use crate::run::root;

/// Picture of an audit in a terminal.
pub const PICTURE: &str = "docs/images/audit.svg";
/// The document with excerpts.
pub const TUTORIAL: &str = "docs/tutorial.md";
/// Time of the audit: verdicts depend on it.
const AT: &str = "2026-11-28T12:00:00Z";
/// Width of the picture, in characters.
const COLUMNS: u16 = 110;
/// Width of excerpts, in characters.
const EXCERPT: u16 = 90;

/// The facts of a stock deployment, without Juju.
pub fn facts() -> anyhow::Result<Facts> {
    let about = About { collected_at: AT.parse()?, namespace: "kubeflow".into() };
    let mut facts = Facts::from_objects(about, &World::stock("1.10").objects);
    facts.version = Known::Known(Version { git_version: "v1.36.3".into() });
    Ok(facts)
}

fn report() -> anyhow::Result<Report> {
    Ok(Report::audit(&facts()?, &Policy::default(), None, Vec::new()))
}

fn look(width: u16, style: Style) -> Look {
    Look { width, style, is_verbose: false, has_next: true }
}

/// The picture.
pub fn picture() -> anyhow::Result<String> {
    let printed = render_with(&report()?, &look(COLUMNS, Style::colored()));
    Ok(terminal::svg("ckf-hardening audit", &printed, usize::from(COLUMNS)))
}

/// The report page of the same audit, for a picture of it.
pub fn page() -> anyhow::Result<String> {
    Ok(Format::Html.render(&report()?))
}

/// The tutorial, with its excerpts as the program prints them now.
pub fn tutorial() -> anyhow::Result<String> {
    let text = std::fs::read_to_string(root().join(TUTORIAL))?;
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("<!-- output: ") {
        let (name, after) = after.split_once(" -->\n").context("a name ends with -->")?;
        let (_, after) = after.split_once("<!-- end -->").context("an excerpt has an end")?;
        out.push_str(&format!(
            "{before}<!-- output: {name} -->\n```text\n{}\n```\n<!-- end -->",
            excerpt(name)?.trim_end()
        ));
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn excerpt(name: &str) -> anyhow::Result<String> {
    match name {
        "audit" => Ok(render_with(&report()?, &look(EXCERPT, Style::default()))),
        other => bail!("the tutorial asks for the output {other:?}, which nothing prints"),
    }
}
