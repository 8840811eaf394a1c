//! The registry of controls against the catalogue and the folders.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::registry::{check, ids, review};
use super::*;
use crate::catalog::Family;
use crate::catalog::{self, Source};
use crate::facts::Facts;
use crate::policy::Policy;

#[test]
fn control_is_assessed_by_a_check_or_by_an_attestation() {
    for control in catalog::controls() {
        let has_check = check(&control.id).is_some() || review(&control.id).is_some();
        let is_attested = control.source == Source::Attestation;
        assert_ne!(has_check, is_attested, "{}", control.id);
    }
}

#[test]
fn registered_check_has_a_control_of_its_family() {
    let mut seen = BTreeMap::new();
    for family in Family::ALL {
        for id in ids(family) {
            assert_eq!(Family::of(id), Some(family), "{id}");
            assert!(catalog::control(id).is_some(), "the catalogue has no {id}");
            assert!(seen.insert(id, family).is_none(), "{id} is registered twice");
        }
    }
}

/// Files of a family's folder, with their text.
#[expect(clippy::disallowed_methods, reason = "the sources are what is tested")]
fn files(family: Family) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/controls").join(family.folder());
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let files = entries.map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn control_has_its_function_below_its_title_in_the_folder_of_its_family() {
    for family in Family::ALL {
        let files = files(family);
        for id in ids(family) {
            let registered = |text: &str| {
                let (_, rest) = text.split_once(&format!("(\"{id}\", "))?;
                Some(rest.split_once(')')?.0.to_owned())
            };
            let mut of_id =
                files.iter().filter_map(|(path, text)| Some((path, text, registered(text)?)));
            let (path, text, function) =
                of_id.next().unwrap_or_else(|| panic!("{id} is in no file"));
            assert!(of_id.next().is_none(), "{id} is in more than one file");
            let title = &catalog::control(id).unwrap().title;
            let above = format!("/// {id}: {title}\nfn {function}(");
            assert!(text.contains(&above), "{} lacks:\n{above}", path.display());
        }
    }
}

#[test]
fn control_without_facts_is_not_assessed() {
    for assessment in assess(&Facts::default(), &Policy::default(), None) {
        // Assessed by the policy alone, which asks for nothing here.
        if ["NET-07", "JUJU-04", "POL-01", "POL-02"].contains(&&*assessment.control.id) {
            continue;
        }
        assert_eq!(
            assessment.verdict,
            Verdict::NotAssessed,
            "{}: {}",
            assessment.control.id,
            assessment.reason
        );
    }
}
