//! What the documents say, held to the program: links, paths, numbers, commands and names.

mod commands;
mod known;
mod links;
mod names;
mod numbers;
mod page;

use std::path::Path;

use anyhow::{Context as _, bail};

use self::known::Known;
use self::page::Page;
use crate::run::{files, root};

const CHANGES: &str = "CHANGELOG.md";
const PAGES: [&str; 6] = [
    "README.md",
    "SECURITY.md",
    "CONTRIBUTING.md",
    "RELEASING.md",
    "terraform/README.md",
    "docs/overview.svg",
];

/// Checks every document.
pub fn check() -> anyhow::Result<()> {
    let known = Known::gather()?;
    let outdated = crate::docs::outdated()?.into_iter();
    let mut problems: Vec<String> =
        outdated.map(|name| format!("{name} is outdated; run `cargo xtask docs`")).collect();
    let pages = pages()?;
    for name in &pages {
        problems.extend(self::problems(&Page::read(name)?, &known));
    }
    let mut changes = Page::read(CHANGES)?;
    changes.text.truncate(end_of_newest(&changes.text));
    problems.extend(self::problems(&changes, &known));
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    eprintln!("{} documents agree with the program", pages.len() + 1);
    Ok(())
}

/// Writes the numbers of today into every document.
pub fn correct_numbers() -> anyhow::Result<()> {
    let known = Known::gather()?;
    let mut names = pages()?;
    names.push(CHANGES.to_owned());
    for name in names {
        let Page { text, .. } = Page::read(&name)?;
        let end = if name == CHANGES { end_of_newest(&text) } else { text.len() };
        let corrected = numbers::corrected(&text[..end], &known.numbers) + &text[end..];
        if corrected != text {
            std::fs::write(root().join(&name), corrected).with_context(|| name.clone())?;
            eprintln!("corrected the numbers of {name}");
        }
    }
    Ok(())
}

/// Where the newest entry of the changes ends: it is about the program of today, and those before
/// it are history.
fn end_of_newest(changes: &str) -> usize {
    changes.match_indices("\n## ").nth(1).map_or(changes.len(), |(at, _)| at)
}

fn pages() -> anyhow::Result<Vec<String>> {
    let mut pages = files(Path::new("docs"))?;
    pages.retain(|name| name.ends_with(".md"));
    pages.extend(PAGES.map(str::to_owned));
    Ok(pages)
}

/// What of a page is not so, each with the page and line.
fn problems(page: &Page, known: &Known) -> Vec<String> {
    let mut problems = links::problems(page);
    problems.extend(commands::problems(page, known));
    problems.extend(names::problems(page, known));
    problems.extend(numbers::problems(page, known));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_agree_with_the_program() {
        check().unwrap();
    }

    fn of(text: &str, known: &Known) -> Vec<String> {
        let page = Page { name: "docs/page.md".to_owned(), text: text.to_owned() };
        problems(&page, known)
    }

    #[test]
    fn statement_that_is_false_is_found() {
        let known = Known::gather().unwrap();
        for text in [
            "See [this](nowhere.md).",
            "See [this](reference/policy.md#nothing).",
            "`src/nowhere.rs` has it.",
            "    ckf-hardening audti",
            "    ckf-hardening audit --nothing",
            "    $ ckf-hardening plan no-such-remedy",
            "    juju config ckf-hardening nothing=1",
            "    juju run ckf-hardening/leader nothing",
            "    juju run ckf-hardening/leader explain nothing=1",
            "    juju integrate ckf-hardening:nothing istio-pilot:certificates",
            "    cargo xtask nothing",
            "`cargo xtask check nothing`",
            "The flag `--nothing` does.",
            "The option `nothing` does.",
            "`nothing=true` does.",
            "The action `nothing` does.",
            "TLS-99 fails.",
            "`ckf_hardening_nothing` counts.",
            "`/api/v1/nothing` answers.",
            "`a_test_that_is_not_there` shows it.",
            "The alert `CkfHardeningNothing` fires.",
            "It has 3 controls.",
            "It has seven remedies.",
            "It sends 99 alerts.",
            "It has a test in `tests/nowhere/`.",
        ] {
            let found = of(text, &known);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
        }
    }

    #[test]
    fn statement_that_is_true_is_left() {
        let known = Known::gather().unwrap();
        for text in [
            "See [the policy](reference/policy.md#custom-controls).",
            "`src/main.rs`, `catalog/controls/ID.yaml` and `tests/` are there.",
            "    ckf-hardening audit --fail-on high   # with --nothing else",
            "    juju config ckf-hardening enforce=none && juju status",
            "    juju run ckf-hardening/leader explain control=TLS-01",
            "    cargo xtask check docs",
            "The option `enforce`, the option `secret-key` of `minio`, and `--fail-on never`.",
            "`/healthz` answers, and `ckf_hardening_control` counts.",
        ] {
            assert_eq!(of(text, &known), [""; 0], "{text}");
        }
    }
}
