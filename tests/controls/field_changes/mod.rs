//! The assessment is fuzzed: each field of each good object that decides something is removed,
//! changed, doubled or added, and a control moves, or the field is on the reviewed list of those
//! that cannot matter.

mod changes;
mod list;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use ckf_hardening::controls::{Assessment, Outcomes, VerdictCache};
use ckf_hardening::facts::known::Known;
use ckf_hardening::facts::{About, Facts, with_kinds};
use serde_json::Value;

use self::list::Data;
use crate::case::Case;

/// The document with the table.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/explanation/verdicts.md");
/// `cargo xtask docs --counts` sets it, to have the table written instead of compared.
const WRITE: &str = "CKF_HARDENING_WRITE_COUNTS";
/// First line of the table.
const HEADER: &str = "| kind | changes | a control moves | on the list |\n";

static DATA: LazyLock<Data> = LazyLock::new(|| {
    serde_yaml::from_str(include_str!("../field_changes.yaml")).expect("the list is YAML")
});

macro_rules! exchange {
    ($($(#[$meta:meta])* $field:ident: $type:ty => $group:literal [$($version:literal)+] $plural:literal $(via $wire:ty)?;)*) => {
        /// Puts one object in the place of another, and says which kinds that changes.
        fn exchange(facts: &mut Facts, before: &Facts, after: &Facts) -> BTreeSet<&'static str> {
            let mut changed = BTreeSet::new();
            $(if let (Known::Known(all), Known::Known(before), Known::Known(after)) =
                (&mut facts.$field, &before.$field, &after.$field)
                && before != after
            {
                all.items.retain(|item| !before.items.contains(item));
                all.unread.retain(|item| !before.unread.contains(item));
                all.items.extend(after.items.iter().cloned());
                all.unread.extend(after.unread.iter().cloned());
                all.items.sort_by(|a, b| {
                    let (a, b) = (&a.metadata, &b.metadata);
                    (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name))
                });
                changed.insert(stringify!($field));
            })*
            changed
        }
    };
}
with_kinds!(exchange);

/// A change that no control sees.
#[derive(Clone, Debug)]
struct Unseen {
    kind: String,
    object: String,
    how: &'static str,
    path: String,
}

/// Changes of a kind: all, and those that move a control.
#[derive(Clone, Copy, Default)]
struct Count {
    changed: usize,
    moved: usize,
    listed: usize,
}

/// The table of the document: each kind, and the sum.
fn table(counts: &BTreeMap<String, Count>) -> String {
    let mut all = Count::default();
    let row = |name: &str, of: &Count| {
        format!("| {name} | {} | {} | {} |\n", of.changed, of.moved, of.listed)
    };
    let mut table = format!("{HEADER}|---|---|---|---|\n");
    for (kind, of) in counts {
        table += &row(kind, of);
        all.changed += of.changed;
        all.moved += of.moved;
        all.listed += of.listed;
    }
    table + &row("all", &all)
}

/// Compares the table with the document's, or writes it there.
fn hold(table: &str) {
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    let start = document.find(HEADER).expect("the document has the table");
    let rows = document[start..].split_inclusive('\n').take_while(|line| line.starts_with('|'));
    let end = start + rows.map(str::len).sum::<usize>();
    if std::env::var_os(WRITE).is_some() {
        let text = [&document[..start], table, &document[end..]].concat();
        std::fs::write(DOCUMENT, text).unwrap();
        return;
    }
    let fix = "the table of verdicts.md is outdated; run `cargo xtask docs --counts`";
    assert_eq!(&document[start..end], table, "{fix}");
}

/// What an object is like: its fields, without their values, lists as sets; of labels those that
/// Istio, Kubeflow and Kubernetes read.
fn shape(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts =
                map.iter().filter(|(key, _)| !matches!(&***key, "status" | "managedFields"));
            let parts = parts.map(|(key, value)| match (&**key, value) {
                ("labels" | "matchLabels" | "selector" | "annotations", Value::Object(map)) => {
                    let read = ["istio", "kubeflow.org", "pod-security"];
                    let is_read = |key: &&String| read.iter().any(|part| key.contains(part));
                    format!("{key}:{:?}", map.keys().filter(is_read).collect::<Vec<_>>())
                }
                _ => format!("{key}:{}", shape(value)),
            });
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => {
            let parts: BTreeSet<String> = list.iter().map(shape).collect();
            format!("[{}]", parts.into_iter().collect::<Vec<_>>().join(","))
        }
        Value::String(_) => "s".into(),
        Value::Number(_) => "n".into(),
        other => other.to_string(),
    }
}

/// One object of each shape, in namespaces of each sort.
fn representatives<'a>(objects: &'a [Value], known: &[Value]) -> Vec<&'a Value> {
    let mut seen = BTreeSet::new();
    let is_new = |object: &&Value| {
        let place = object["metadata"]["namespace"].as_str().unwrap_or_default();
        let place = place.split('-').next().unwrap_or_default().to_owned();
        let kind = (object["apiVersion"].to_string(), object["kind"].to_string());
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let apart = DATA.apart.iter().find(|of| name.starts_with(*of));
        seen.insert((kind, place, apart, shape(object)))
    };
    objects.iter().filter(|object| !known.contains(object)).filter(is_new).collect()
}

/// By what a change is like others: the field without indices, and its value.
fn alike(object: &Value, change: &changes::Change) -> String {
    let parts = change.path.split('/').filter(|part| part.parse::<usize>().is_err());
    let field = parts.collect::<Vec<_>>().join("/");
    format!("{} {field} {:?}", change.how, object.pointer(&change.path))
}

/// An object, and what is changed of it.
struct Changed<'a> {
    object: &'a Value,
    kind: String,
    changes: Vec<changes::Change>,
}

fn text(object: &Value, pointer: &str) -> String {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The representatives with their changes. Rights that many roles give are changed once, in the
/// first of them.
fn changed<'a>(objects: &'a [Value], known: &[Value]) -> Vec<Changed<'a>> {
    let mut done = BTreeSet::new();
    let of = |object: &'a Value| {
        let kind = match text(object, "/apiVersion").starts_with("gateway.networking.k8s.io/") {
            true => format!("{} (Gateway API)", text(object, "/kind")),
            false => text(object, "/kind"),
        };
        let fields = DATA.fields.get(&kind).into_iter().flatten();
        let fields: Vec<_> = fields.map(|of| (of.at.clone(), of.add.clone())).collect();
        let changes = changes::of(object, &DATA.values, &fields).into_iter();
        let is_new = |change: &changes::Change| {
            !kind.ends_with("Role") || done.insert(alike(object, change))
        };
        let changes = changes.filter(is_new).collect();
        Changed { object, kind, changes }
    };
    representatives(objects, known).into_iter().map(of).collect()
}

/// What decides: verdicts and findings, without the words around them.
fn said(cache: &VerdictCache) -> Vec<&Assessment> {
    cache.assessments().collect()
}

fn is_same(before: &[&Assessment], after: &[&Assessment]) -> bool {
    before.iter().zip(after).all(|(before, after)| {
        before.verdict == after.verdict
            && before.findings == after.findings
            && before.waived == after.waived
    })
}

/// Changes each field of each representative, and returns what moves and what does not.
fn fuzz(
    case: &Case,
    known: &[Value],
    counts: &Mutex<BTreeMap<String, Count>>,
    unseen: &Mutex<Vec<Unseen>>,
) {
    let facts = case.facts();
    let about = || About { collected_at: case.now, namespace: "kubeflow".into() };
    let outcomes = Outcomes::new();
    let mut base = VerdictCache::default();
    base.update(&facts, &case.policy, case.release, &outcomes, &BTreeSet::new());
    let before = said(&base);
    let objects = changed(&case.world.objects, known);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut facts = facts.clone();
        while let Some(changed) = objects.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Changed { object, kind, changes } = changed;
            let name = format!(
                "{}/{}",
                text(object, "/metadata/namespace"),
                text(object, "/metadata/name")
            );
            let one = |object: &Value| Facts::from_objects(about(), std::slice::from_ref(object));
            let original = one(object);
            let mut count = Count::default();
            for change in changes {
                count.changed += 1;
                let is_moved = change.objects.iter().any(|changed| {
                    let changed = one(changed);
                    let kinds = exchange(&mut facts, &original, &changed);
                    if kinds.is_empty() {
                        return false;
                    }
                    let mut cache = base.clone();
                    cache.update(&facts, &case.policy, case.release, &outcomes, &kinds);
                    let is_moved = !is_same(&before, &said(&cache));
                    exchange(&mut facts, &changed, &original);
                    is_moved
                });
                match is_moved {
                    true => count.moved += 1,
                    false => unseen.lock().unwrap().push(Unseen {
                        kind: kind.clone(),
                        object: name.clone(),
                        how: change.how,
                        path: change.path.clone(),
                    }),
                }
            }
            let mut counts = counts.lock().unwrap();
            let all = counts.entry(kind.clone()).or_default();
            all.changed += count.changed;
            all.moved += count.moved;
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
}

/// Platforms whose objects are good.
fn good() -> Vec<Case> {
    let mut sidecar = Case::hardened();
    sidecar.world.objects.extend(DATA.objects.iter().cloned());
    let mut ambient = Case::hardened();
    crate::faults::login::ambient_login(&mut ambient);
    vec![sidecar, ambient]
}

#[test]
fn field_changed_moves_a_control_or_is_listed() {
    let (counts, unseen) = (Mutex::default(), Mutex::default());
    let mut known = Vec::new();
    for case in good() {
        fuzz(&case, &known, &counts, &unseen);
        // What is in both is changed once.
        known.extend(case.world.objects);
    }
    let (mut counts, unseen) = (counts.into_inner().unwrap(), unseen.into_inner().unwrap());
    let mut used = BTreeSet::new();
    let mut wrong = BTreeSet::new();
    for Unseen { kind, object, how, path } in &unseen {
        let rows = DATA.listed.iter().enumerate();
        let rows: Vec<usize> = rows
            .filter_map(|(index, row)| row.lists(kind, object, how, path).then_some(index))
            .collect();
        match rows.is_empty() {
            true => drop(wrong.insert(format!("{kind} {object}: {path} {how} moves no control"))),
            false => counts.get_mut(kind).unwrap().listed += 1,
        }
        used.extend(rows);
    }
    let bare = DATA.listed.iter().filter(|row| row.reason.is_empty());
    wrong.extend(bare.map(|row| format!("the list's row has no reason: {row:?}")));
    let rows = DATA.listed.iter().enumerate().filter(|(index, _)| !used.contains(index));
    wrong.extend(rows.map(|(_, row)| format!("the list's row matches nothing: {row:?}")));
    crate::none(&wrong.into_iter().collect::<Vec<_>>());
    hold(&table(&counts));
}
