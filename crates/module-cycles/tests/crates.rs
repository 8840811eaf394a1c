//! The files of the program and of its crates import each other in no circle.

use std::fs;
use std::path::Path;

#[test]
fn files_import_each_other_in_no_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut sources = vec![("src".to_owned(), crates.join("../src"))];
    for entry in fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if folder.join("src").is_dir() {
            sources.push((name, folder.join("src")));
        }
    }
    let mut circles = String::new();
    for (name, source) in &sources {
        for circle in module_cycles::find(source).unwrap() {
            circles += &format!("{name}:\n");
            for (module, imports) in circle {
                let imports: Vec<String> = imports.into_iter().collect();
                circles += &format!("  {module} imports {}\n", imports.join(", "));
            }
        }
    }
    assert!(circles.is_empty(), "circles of imports:\n{circles}");
}
