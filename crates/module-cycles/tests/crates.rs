//! No files of this workspace's crates import each other in a circle.

use std::fs;
use std::path::Path;

#[test]
fn files_import_each_other_in_no_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut circles = String::new();
    for entry in fs::read_dir(crates).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.join("src").is_dir() {
            continue;
        }
        for circle in module_cycles::find(&folder.join("src")).unwrap() {
            circles += &format!("{}:\n", folder.file_name().unwrap().display());
            for (module, imports) in circle {
                let imports: Vec<String> = imports.into_iter().collect();
                circles += &format!("  {module} imports {}\n", imports.join(", "));
            }
        }
    }
    assert!(circles.is_empty(), "circles of imports:\n{circles}");
}
