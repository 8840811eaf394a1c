//! The modules of a crate, and which imports which.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use crate::cycle::Graph;
use crate::paths::{Import, imports};
use crate::text::words;

/// The parts of a module's path below the crate's root.
type Name = Vec<String>;

/// How many re-exports are followed to what is imported.
const DEEPEST: usize = 8;

/// The modules of a crate that are files, by path, with what each imports.
pub(crate) struct Modules(BTreeMap<Name, Vec<Import>>);

impl Modules {
    /// Reads the files below a crate's `src`, but for its binaries.
    pub(crate) fn read(src: &Path) -> io::Result<Self> {
        let mut sources = BTreeMap::new();
        collect(src, &[], &mut sources)?;
        let names: Vec<Name> = sources.keys().cloned().collect();
        let modules = sources.into_iter().map(|(name, source)| {
            let is_module = |part: &str| names.contains(&child(&name, part));
            let imports = imports(&words(&source), is_module);
            (name, imports)
        });
        Ok(Self(modules.collect()))
    }

    /// Which module imports which, each by its path.
    pub(crate) fn imports(&self) -> Graph {
        let modules = self.0.iter().map(|(name, imports)| {
            let targets = imports.iter().filter_map(|import| self.target(name, &import.path, 0));
            let others = targets.filter(|target| target != name);
            (shown(name), others.map(|target| shown(&target)).collect())
        });
        modules.collect()
    }

    /// The module that has what a path of another leads to; none if that is another crate.
    fn target(&self, from: &Name, path: &[String], depth: usize) -> Option<Name> {
        let (mut module, mut left) = self.start(from, path)?;
        while let Some((first, rest)) = left.split_first() {
            let inner = child(&module, first);
            if !self.0.contains_key(&inner) {
                break;
            }
            (module, left) = (inner, rest);
        }
        let Some(name) = left.first() else {
            return Some(module);
        };
        let is_it = |import: &&Import| import.name.as_ref() == Some(name) && import.path != path;
        match self.0[&module].iter().find(is_it) {
            Some(import) if depth < DEEPEST => self.target(&module, &import.path, depth + 1),
            _ => Some(module),
        }
    }

    /// Where a path begins, and what of it is left from there.
    fn start<'a>(&self, from: &Name, path: &'a [String]) -> Option<(Name, &'a [String])> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some((Name::new(), rest)),
            "self" => Some((from.clone(), rest)),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let module = &from[..from.len().checked_sub(ups)?];
                Some((module.to_vec(), &path[ups..]))
            }
            part => self.0.contains_key(&child(from, part)).then(|| (from.clone(), path)),
        }
    }
}

fn child(module: &[String], part: &str) -> Name {
    let mut name = module.to_vec();
    name.push(part.to_owned());
    name
}

fn shown(name: &Name) -> String {
    match name.is_empty() {
        true => "crate".to_owned(),
        false => name.join("::"),
    }
}

fn collect(
    folder: &Path,
    module: &[String],
    sources: &mut BTreeMap<Name, String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if path.is_dir() {
            if !(module.is_empty() && stem == "bin") {
                collect(&path, &child(module, stem), sources)?;
            }
        } else if path.extension().is_some_and(|end| end == "rs") {
            let name = match stem {
                "lib" | "main" if module.is_empty() => Name::new(),
                "mod" => module.to_vec(),
                stem => child(module, stem),
            };
            sources.insert(name, fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
