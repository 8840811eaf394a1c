//! Links to files and headings, and paths of this repository.

use std::fs;
use std::path::{Component, Path, PathBuf};

use regex_lite::Regex;

use super::page::{Code, Page};
use crate::run::root;

/// Folders of the project. A path that begins with another word is not ours.
const FOLDERS: [&str; 10] =
    [".ci", ".github", "catalog", "crates", "docs", "fuzz", "src", "terraform", "tests", "xtask"];

/// Links and paths that lead nowhere.
pub fn problems(page: &Page) -> Vec<String> {
    let mut problems = Vec::new();
    let Ok(link) = Regex::new(r"\]\(([^)\s]+)\)") else {
        return problems;
    };
    for found in link.captures_iter(&page.text) {
        let target = &found[1];
        if !target.contains("://") && !leads(page, target) {
            let line = found.get(0).map_or(1, |all| page.line(all.start()));
            problems.push(page.problem(line, &format!("the link to {target} leads nowhere")));
        }
    }
    // A proof in a charm's own repository has its paths there.
    let lines: Vec<&str> = page.text.lines().collect();
    let is_ours = |code: &Code| !lines[code.line - 1].contains("at revision `");
    for code in page.code().into_iter().filter(is_ours) {
        let missing = paths(&code).into_iter().filter(|path| !is_there(path));
        problems.extend(missing.map(|path| {
            let hint = moved(&path).map_or(String::new(), |to| format!("; there is {to}"));
            page.problem(code.line, &format!("{path} does not exist{hint}"))
        }));
    }
    problems
}

fn leads(page: &Page, target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(&page.name).parent().unwrap_or(Path::new(""));
    let path = match file {
        "" => PathBuf::from(&page.name),
        file => normal(&folder.join(file)),
    };
    if !root().join(&path).exists() {
        return false;
    }
    let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
    anchor.is_empty() || text.lines().any(|line| line.starts_with('#') && slug(line) == anchor)
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// The anchor that a heading gets.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let is_kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    text.chars().filter(is_kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Words of code that are paths of this repository.
fn paths(code: &Code) -> Vec<String> {
    let words = code.text.split([' ', ',', '(', ')', '"', '\'', '=', ':']);
    let words = words.map(|word| word.trim_start_matches("./").trim_end_matches(['.', ';']));
    let is_path = |word: &&str| {
        let folder = word.split('/').next().unwrap_or_default();
        word.contains('/') && FOLDERS.contains(&folder) && !word.contains("...")
    };
    words.filter(is_path).map(str::to_owned).collect()
}

/// A part in capitals or with a star stands for any name.
fn is_there(path: &str) -> bool {
    let mut known = PathBuf::new();
    for part in path.split('/') {
        let stem = part.split('.').next().unwrap_or_default();
        let is_any = stem.contains('*')
            || (!stem.is_empty() && stem.chars().all(|c| c.is_ascii_uppercase()));
        if is_any {
            break;
        }
        known.push(part);
    }
    root().join(known).exists()
}

/// A file of the same name elsewhere below the same folder.
fn moved(path: &str) -> Option<String> {
    let path = Path::new(path);
    let name = path.file_name()?;
    let folder = path.components().next()?;
    let files = crate::run::files(Path::new(&folder)).ok()?;
    files.into_iter().find(|file| Path::new(file).file_name() == Some(name))
}
