//! Rust source without what imports nothing: comments, text, and tests.

/// The words of a source: identifiers, `::`, and single signs.
pub(crate) fn words(source: &str) -> Vec<String> {
    without_tests(split(&without_comments(source)))
}

/// Replaces comments and literals of text by spaces.
fn without_comments(source: &str) -> String {
    let mut left = source;
    let mut code = String::with_capacity(source.len());
    while let Some(first) = left.chars().next() {
        let skipped = if left.starts_with("//") {
            left.find('\n').unwrap_or(left.len())
        } else if let Some(comment) = left.strip_prefix("/*") {
            comment.find("*/").map_or(left.len(), |end| end + 4)
        } else if let Some(length) = raw_string(left, code.chars().next_back()) {
            length
        } else if let Some(text) = left.strip_prefix('"') {
            escaped(text, '"') + 1
        } else if let Some(length) = character(left) {
            length
        } else {
            code.push(first);
            left = &left[first.len_utf8()..];
            continue;
        };
        code.push(' ');
        left = left.get(skipped..).unwrap_or_default();
    }
    code
}

/// The length of `r"…"` or `r#"…"#` at the beginning of a text.
fn raw_string(text: &str, before: Option<char>) -> Option<usize> {
    let after = text.strip_prefix('r').filter(|_| !before.is_some_and(is_word))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inside.find(&end)?;
    Some(1 + hashes + 1 + length + end.len())
}

/// The length of a character such as `'{'` or `'\''`; a lifetime is none.
fn character(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('\'')?;
    let first = inside.chars().next()?;
    match first {
        '\\' => Some(1 + escaped(inside, '\'')),
        _ => inside[first.len_utf8()..].starts_with('\'').then(|| first.len_utf8() + 2),
    }
}

/// How long a text is up to its end, and with it; a backslash protects what follows.
fn escaped(text: &str, end: char) -> usize {
    let mut is_protected = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_protected => is_protected = false,
            '\\' => is_protected = true,
            c if c == end => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn split(code: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut left = code.trim_start();
    while let Some(first) = left.chars().next() {
        let length = if is_word(first) {
            left.find(|c| !is_word(c)).unwrap_or(left.len())
        } else if left.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        words.push(left[..length].to_owned());
        left = left[length..].trim_start();
    }
    words
}

/// Drops modules that are compiled for tests only.
fn without_tests(words: Vec<String>) -> Vec<String> {
    const TEST: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let is_test = words[at..].starts_with(&TEST.map(str::to_owned));
        match is_test && words.get(at + TEST.len()).is_some_and(|word| word == "mod") {
            true => at = end_of_block(&words, at),
            false => {
                kept.push(words[at].clone());
                at += 1;
            }
        }
    }
    kept
}

/// The place after the block, or the semicolon, that comes next.
fn end_of_block(words: &[String], from: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(from) {
        match word.as_str() {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            ";" if depth == 0 => return at + 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    words.len()
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn comments_text_and_tests_import_nothing() {
        let source = r###"
            // use crate::a;
            /* use crate::b; */
            fn f<'a>(x: &'a str) { let y = ('"', '\'', "crate::c \" {", r#"crate::"d"#); e::g() }
            #[cfg(test)]
            mod tests { mod inner { use crate::h; } }
            use i;
        "###;
        let code = words(source).join(" ");
        assert!(!code.contains("crate"), "{code}");
        assert!(code.contains("e :: g ( )") && code.ends_with("use i ;"), "{code}");
    }
}
