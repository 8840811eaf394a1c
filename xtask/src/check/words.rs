//! Words that this project's prose no longer uses, and how many of them each file still has.
//! The ceilings can only go down.

mod prose;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail};
use regex_lite::Regex;

use self::prose::prose;
use crate::run::{files, root};

const WORDS: &str = "xtask/words/words.txt";
const EXCEPTIONS: &str = "xtask/words/exceptions.txt";
const CEILINGS: &str = "xtask/words/ceilings.txt";
/// Where prose is: folders, and files in the project's directory.
const PLACES: [&str; 12] = [
    ".github",
    "catalog",
    "crates",
    "docs",
    "fuzz",
    "src",
    "terraform",
    "tests",
    "xtask",
    "actions.yaml",
    "config.yaml",
    "metadata.yaml",
];
const PAGES: [&str; 6] =
    ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "RELEASING.md", "build.rs"];

/// Checks every file against its ceiling; with `lower`, writes the present counts as ceilings.
pub fn check(lower: bool) -> anyhow::Result<()> {
    let counts = counts()?;
    let ceilings = ceilings()?;
    if lower {
        return write(&counts, &ceilings);
    }
    let mut over = Vec::new();
    for (path, uses) in &counts {
        let ceiling = ceilings.get(path).copied().unwrap_or_default();
        if uses.len() > ceiling {
            let (n, lines) = (uses.len(), uses.join("\n  "));
            over.push(format!("{path} has {n} words to avoid, and may have {ceiling}:\n  {lines}"));
        }
    }
    if !over.is_empty() {
        bail!("{}\nWrite instead what {WORDS} says.", over.join("\n"));
    }
    let total: usize = counts.values().map(Vec::len).sum();
    let allowed: usize = ceilings.values().sum();
    eprintln!("{total} words to avoid are left, {allowed} are allowed");
    if total < allowed {
        eprintln!("lower the ceilings: cargo xtask check words --lower");
    }
    Ok(())
}

/// Writes new counts, unless they are more in all than before: a file may be moved or split, but
/// what is rewritten stays so. A longer list of words may find more.
fn write(
    counts: &BTreeMap<String, Vec<String>>,
    before: &BTreeMap<String, usize>,
) -> anyhow::Result<()> {
    let total: usize = counts.values().map(Vec::len).sum();
    let allowed: usize = before.values().sum();
    let words = lines_of(WORDS)?.len();
    let path = root().join(CEILINGS);
    let old = fs::read_to_string(&path).unwrap_or_default();
    let is_longer_list = !old.starts_with(&head(words));
    if total > allowed && !is_longer_list {
        bail!("there are {total} words to avoid, and {allowed} are allowed: ceilings only go down");
    }
    let lines = counts.iter().map(|(path, uses)| format!("{} {path}\n", uses.len()));
    let text = head(words) + &lines.collect::<String>();
    fs::write(path, text).context(CEILINGS)?;
    eprintln!("{CEILINGS}: {total}, before {allowed}");
    Ok(())
}

/// The first line of the ceilings, by which a change of the list of words is noticed.
fn head(words: usize) -> String {
    format!("# Uses of the {words} words to avoid that each file may have.\n")
}

fn lines_of(path: &str) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root().join(path)).context(path.to_owned())?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.filter(|line| !line.starts_with('#')).map(str::to_owned).collect())
}

fn ceilings() -> anyhow::Result<BTreeMap<String, usize>> {
    if !root().join(CEILINGS).exists() {
        return Ok(BTreeMap::new());
    }
    let lines = lines_of(CEILINGS)?.into_iter().map(|line| {
        let (number, path) = line.split_once(' ').context("a ceiling is NUMBER PATH")?;
        anyhow::Ok((path.to_owned(), number.parse()?))
    });
    lines.collect::<anyhow::Result<_>>().context(CEILINGS)
}

/// The words, as one pattern; `:` separates a word from what to write instead.
fn pattern() -> anyhow::Result<Regex> {
    let words = lines_of(WORDS)?.into_iter().map(|line| {
        let word = line.split(':').next().unwrap_or_default().trim();
        // A phrase may be broken over two lines, or two lines of a comment.
        word.split(' ').collect::<Vec<_>>().join(r"\s+(?://[/!]?\s*|#\s*)?")
    });
    let words: Vec<String> = words.collect();
    Ok(Regex::new(&format!(r"(?i)\b({})\b", words.join("|")))?)
}

/// Uses of a word in a text, as `line N: word`.
fn uses(text: &str, pattern: &Regex) -> Vec<String> {
    let found = pattern.find_iter(text).map(|found| {
        let line = text[..found.start()].matches('\n').count() + 1;
        let words: Vec<&str> = found.as_str().split_whitespace().collect();
        format!("line {line}: {}", words.join(" "))
    });
    found.collect()
}

/// Files that use words to avoid, with where they do.
fn counts() -> anyhow::Result<BTreeMap<String, Vec<String>>> {
    let pattern = pattern()?;
    let exceptions: Vec<(String, String)> = lines_of(EXCEPTIONS)?
        .iter()
        .filter_map(|line| line.split_once(": "))
        .map(|(path, text)| (path.to_owned(), text.to_owned()))
        .collect();
    let mut counts = BTreeMap::new();
    for path in places()? {
        let text = fs::read_to_string(root().join(&path)).with_context(|| path.clone())?;
        // What is generated has its words from elsewhere; data and recordings are no prose.
        if text.starts_with("<!-- Generated") {
            continue;
        }
        let mut text = if path.ends_with(".rs") { prose(&text) } else { text };
        for (_, exception) in exceptions.iter().filter(|(at, _)| at == "*" || *at == path) {
            text = text.replace(exception.as_str(), "");
        }
        let uses = uses(&text, &pattern);
        if !uses.is_empty() {
            counts.insert(path, uses);
        }
    }
    Ok(counts)
}

fn places() -> anyhow::Result<Vec<String>> {
    let mut all = Vec::new();
    for place in PLACES.iter().chain(&PAGES) {
        all.extend(files(Path::new(place))?);
    }
    let is_prose = |path: &String| {
        let is_code_of_tests = path.starts_with("tests/") || path.starts_with("crates/");
        match path.rsplit('.').next() {
            Some("rs" | "md" | "tf") => true,
            Some("yaml" | "py" | "svg") => !is_code_of_tests,
            _ => false,
        }
    };
    Ok(all.into_iter().filter(is_prose).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_use_are_below_their_ceilings() {
        check(false).unwrap();
    }

    #[test]
    fn phrase_broken_over_lines_of_a_comment_is_found() {
        let text = prose("/// What is put\n/// right.\nlet told = 1; // Somebody\n");
        let found = uses(&text, &pattern().unwrap());
        assert_eq!(found, ["line 1: put /// right", "line 3: Somebody"]);
    }
}
