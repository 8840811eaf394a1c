//! Paths of Rust, and `use` trees as the paths they stand for.

/// A path, and the name under which it is known from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// Its parts; the last is `*` for all of a module.
    pub(crate) path: Vec<String>,
    /// Its name in the file, if a `use` declaration gives it one.
    pub(crate) name: Option<String>,
}

/// All paths that begin with `crate`, `self`, `super` or one of the file's modules, and all paths
/// of `use` declarations.
pub(crate) fn imports(words: &[String], is_module: impl Fn(&str) -> bool) -> Vec<Import> {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let is_use = word(at) == "use";
        // `pub(in crate::a)` imports nothing.
        let is_visibility = at > 0 && word(at - 1) == "in" && at > 1 && word(at - 2) == "(";
        let begins = !is_use
            && !is_visibility
            && word(at + 1) == "::"
            && (at == 0 || word(at - 1) != "::")
            && (["crate", "self", "super"].contains(&word(at)) || is_module(word(at)));
        match is_use || begins {
            true => at = tree(words, at + usize::from(is_use), &[], is_use, &mut found),
            false => at += 1,
        }
    }
    found
}

/// Reads a path or a `use` tree, and returns the place after it.
fn tree(
    words: &[String],
    mut at: usize,
    prefix: &[String],
    is_use: bool,
    found: &mut Vec<Import>,
) -> usize {
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    let mut path = prefix.to_vec();
    loop {
        match word(at) {
            "{" => {
                at += 1;
                while !["}", ""].contains(&word(at)) {
                    let end = tree(words, at, &path, is_use, found);
                    at = end.max(at + 1);
                    at += usize::from(word(at) == ",");
                }
                return at + 1;
            }
            "self" if !path.is_empty() => {}
            part if part == "*" || part.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                path.push(part.to_owned());
            }
            _ => break,
        }
        let continues = word(at + 1) == "::" && !["<", ""].contains(&word(at + 2));
        at += 1 + usize::from(continues);
        if !continues {
            break;
        }
    }
    let mut name = path.last().cloned();
    if is_use && word(at) == "as" {
        name = Some(word(at + 1).to_owned());
        at += 2;
    }
    found.push(Import { path, name: name.filter(|_| is_use) });
    at
}

#[cfg(test)]
mod tests {
    use super::imports;
    use crate::text::words;

    fn paths(source: &str) -> Vec<String> {
        let found = imports(&words(source), |name| name == "child");
        found
            .into_iter()
            .map(|import| match import.name {
                Some(name) => format!("{} as {name}", import.path.join("::")),
                None => import.path.join("::"),
            })
            .collect()
    }

    #[test]
    fn use_tree_is_several_paths() {
        assert_eq!(
            paths("pub use crate::{a::{self, B}, c as d, e::*}; use std::fmt;"),
            [
                "crate::a as a",
                "crate::a::B as B",
                "crate::c as d",
                "crate::e::* as *",
                "std::fmt as fmt"
            ]
        );
    }

    #[test]
    fn path_of_a_visibility_is_no_import() {
        assert_eq!(paths("pub(in crate::a) fn f() {} pub(crate) use crate::b;"), ["crate::b as b"]);
    }

    #[test]
    fn paths_in_code_count() {
        assert_eq!(
            paths("fn f() -> super::T { child::g::<u8>(x::child::y, self.child) }"),
            ["super::T", "child::g"]
        );
    }
}
