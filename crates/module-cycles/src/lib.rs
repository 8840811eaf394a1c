#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

mod cycle;
mod modules;
mod paths;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use modules::Modules;

/// The circles below a crate's `src`: each a set of modules (`a::b`; the crate's root is `crate`)
/// that reach each other, with the modules of the circle that each imports.
pub fn find(src: &Path) -> io::Result<Vec<BTreeMap<String, BTreeSet<String>>>> {
    let imports = Modules::read(src)?.imports();
    let circles = cycle::circles(&imports).into_iter().map(|circle| {
        let within = |name: &String| {
            let names = imports[name].iter().filter(|name| circle.contains(*name));
            (name.clone(), names.cloned().collect())
        };
        circle.iter().map(within).collect()
    });
    Ok(circles.collect())
}
