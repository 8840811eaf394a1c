//! `cargo xtask new control ID`: the three files of a control. Its check says that it is not
//! assessed and its fault changes nothing, so tests fail until both are written.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use ckf_hardening::catalog::Family;

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask new control ID [FILE]

  ID    FAMILY-NN, such as TLS-22
  FILE  file of the family's folder in crates/ckf-audit/src/controls that gets the function, such as `key`;
        by default the one of the control before it
";
/// Stands in the catalogue and above the function until the control has its title.
const TITLE: &str = "TODO: what holds on a hardened platform";
const CATALOGUE: &str = "catalog/controls";
const CONTROLS: &str = "crates/ckf-audit/src/controls";
const CHECKS: &str = "const CHECKS: &[(&str, Check)] =";

/// Writes a control's files into this repository.
pub fn new(arguments: &[String]) -> anyhow::Result<()> {
    let (id, file) = match arguments {
        [what, id] if what == "control" => (id, None),
        [what, id, file] if what == "control" => (id, Some(file.as_str())),
        _ => bail!("{USAGE}"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in it")?;
    for (path, text) in files(root, id, file)? {
        std::fs::write(&path, text).with_context(|| path.display().to_string())?;
        if path.extension().is_some_and(|e| e == "rs") {
            let formatted = Command::new("rustfmt").args(["--edition", "2024"]).arg(&path).status();
            ensure!(formatted.context("rustfmt")?.success(), "rustfmt {}", path.display());
        }
        println!("{}", path.strip_prefix(root).unwrap_or(&path).display());
    }
    println!("fill in each TODO; cargo test --test controls fails until then");
    Ok(())
}

/// The files, and what is in them then.
fn files(root: &Path, id: &str, file: Option<&str>) -> anyhow::Result<[(PathBuf, String); 3]> {
    let Some(family) = Family::of(id) else {
        let known = Family::ALL.map(Family::prefix).join(", ");
        bail!("{id:?} is not FAMILY-NN with a family of {known}");
    };
    let definition = root.join(CATALOGUE).join(format!("{id}.yaml"));
    ensure!(!definition.exists(), "{id} exists: {}", definition.display());
    let function = function(root, family, id, file)?;
    let fault = root.join("tests/controls/faults").join(format!("{}.rs", family.folder()));
    let faults = with_fault(&read(&fault)?, id).with_context(|| fault.display().to_string())?;
    Ok([(definition, yaml(root, family, id)?), function, (fault, faults)])
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| path.display().to_string())
}

/// The catalogue's entry, in the section of the control before it.
fn yaml(root: &Path, family: Family, id: &str) -> anyhow::Result<String> {
    let before = before(root, family, id)?;
    let neighbour = read(&root.join(CATALOGUE).join(format!("{before}.yaml")))?;
    let section = neighbour.lines().find(|line| line.starts_with("section: "));
    let section = section.with_context(|| format!("{before} has no section"))?;
    Ok(format!(
        "id: {id}
title: '{TITLE}'
finding: 'TODO: what is wrong when it is not so'
{section}
severity: medium
source: kubernetes
why: >-
  TODO.
check: >-
  TODO: what is read, and what passes.
fix: >-
  TODO.
fix-breaks: >-
  TODO: what following the fix may break, and for how long.
fix-works-on:
  releases: ['1.10', '1.11']
  meshes: [sidecar]
fix-proof:
  kind: test
  name: tests/TODO.rs::todo
  shows: >-
    TODO.
waive: >-
  TODO.
mappings: {{}}
"
    ))
}

/// The last control of the family before this one; its first, if this comes first.
fn before(root: &Path, family: Family, id: &str) -> anyhow::Result<String> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(root.join(CATALOGUE))? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if Family::of(stem) == Some(family) {
            ids.push(stem.to_owned());
        }
    }
    ids.sort();
    let last = ids.iter().rfind(|known| known.as_str() < id).or(ids.first());
    last.cloned().with_context(|| format!("the family {} has no control", family.prefix()))
}

/// The file that gets the function.
fn function(
    root: &Path,
    family: Family,
    id: &str,
    file: Option<&str>,
) -> anyhow::Result<(PathBuf, String)> {
    let folder = root.join(CONTROLS).join(family.folder());
    let mut registered = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        let text = read(&path)?;
        let ids = ids(&text);
        ensure!(!ids.iter().any(|known| known == id), "{id} exists: {}", path.display());
        registered.extend(ids.into_iter().map(|of| (of, path.clone())));
    }
    registered.sort();
    let path = match file {
        Some(name) => folder.join(format!("{}.rs", name.trim_end_matches(".rs"))),
        None => {
            let last = registered.iter().rfind(|(known, _)| known.as_str() < id);
            let (_, path) =
                last.or(registered.first()).context("the family assesses no control")?;
            path.clone()
        }
    };
    let is_of_controls = registered.iter().any(|(_, known)| *known == path);
    ensure!(is_of_controls, "{} assesses no control", path.display());
    let text = with_function(&read(&path)?, id).with_context(|| path.display().to_string())?;
    Ok((path, text))
}

/// Where the list of a file's controls begins and ends.
fn list(text: &str) -> Option<(usize, usize)> {
    let start = text.find(CHECKS)? + CHECKS.len();
    Some((start, start + text[start..].find("];")?))
}

/// Ids of the controls that a file assesses.
fn ids(text: &str) -> Vec<String> {
    let list = list(text).map(|(start, end)| &text[start..end]).unwrap_or_default();
    let strings = list.split('"').skip(1).step_by(2);
    strings.map(str::to_owned).collect()
}

fn with_function(text: &str, id: &str) -> anyhow::Result<String> {
    let (_, end) = list(text).context("it has no list of controls")?;
    let name = id.to_lowercase().replace('-', "_");
    let (before, after) = text.split_at(end);
    let separator = if before.trim_end().ends_with([',', '[']) { "" } else { "," };
    let registered = format!("{}{separator} (\"{id}\", {name})", before.trim_end());
    let (code, tests) = match after.find("#[cfg(test)]") {
        Some(at) => after.split_at(at),
        None => (after, ""),
    };
    let function = format!(
        "/// {id}: {TITLE}
fn {name}(context: &Context<'_>) -> Result<Outcome, MissingFact> {{
    let _ = context;
    Ok(Outcome::NotAssessed(\"TODO\".into()))
}}
"
    );
    let gap = if tests.is_empty() { "" } else { "\n" };
    Ok(format!("{registered}{}\n\n{function}{gap}{tests}", code.trim_end()))
}

fn with_fault(text: &str, id: &str) -> anyhow::Result<String> {
    let is_later = |line: &str| {
        let of = line.strip_prefix("    fault(\"").and_then(|rest| rest.split('"').next());
        of.is_some_and(|of| of > id) || line == "];"
    };
    let mut lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| is_later(line)).context("it has no list of faults")?;
    let fault = format!("    fault(\"{id}\", \"TODO: what is wrong\", |_| {{}}),");
    lines.insert(at, &fault);
    Ok(format!("{}\n", lines.join("\n")))
}

#[cfg(test)]
mod tests {
    use ckf_hardening::catalog::{self, Control};

    use super::*;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
    }

    #[test]
    fn control_of_any_family_gets_definition_function_and_fault() {
        for family in Family::ALL {
            let id = format!("{}-99", family.prefix());
            let [(definition, yaml), (code, function), (faults, fault)] =
                files(root(), &id, None).unwrap();
            assert_eq!(definition, root().join(format!("catalog/controls/{id}.yaml")));
            let value: serde_json::Value = serde_yaml::from_str(&yaml).unwrap();
            let control = Control::parse(&value.to_string()).unwrap();
            assert_eq!(control.id, id);

            let name = id.to_lowercase().replace('-', "_");
            assert!(code.starts_with(root().join(CONTROLS).join(family.folder())));
            let above = format!("/// {id}: {}\nfn {name}(context", control.title);
            assert!(function.contains(&above), "{function}");
            assert_eq!(ids(&function).last(), Some(&id));
            let tests = function.find("#[cfg(test)]").unwrap_or(function.len());
            assert!(function.find(&above).unwrap() < tests);

            assert!(faults.ends_with(format!("tests/controls/faults/{}.rs", family.folder())));
            assert!(fault.contains(&format!("    fault(\"{id}\", ")), "{fault}");
        }
    }

    #[test]
    fn control_between_others_lies_between_them() {
        let [_, (code, _), (_, fault)] = files(root(), "TLS-00", Some("key")).unwrap();
        assert!(code.ends_with("controls/tls/key.rs"));
        assert!(fault.find("\"TLS-00\"").unwrap() < fault.find("\"TLS-01\"").unwrap());
    }

    #[test]
    fn id_malformed_or_known_and_file_unknown_are_refused() {
        let error = |id: &str, file| format!("{:#}", files(root(), id, file).unwrap_err());
        for id in ["TSL-01", "TLS-1", "TLS-001", "tls-22", "TLS", "../TLS-22", ""] {
            assert!(error(id, None).contains("FAMILY-NN"), "{id}");
        }
        for control in catalog::controls() {
            assert!(error(&control.id, None).contains("exists"), "{}", control.id);
        }
        for file in ["nowhere", "mod", "../authn/options"] {
            assert!(error("TLS-99", Some(file)).contains("assesses no control"), "{file}");
        }
        assert!(new(&["control".into()]).unwrap_err().to_string().contains("usage"));
        assert!(new(&["remedy".into(), "TLS-99".into()]).is_err());
    }
}
