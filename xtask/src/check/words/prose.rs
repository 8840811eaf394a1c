//! Rust source without its code.

/// The comments and string literals of Rust source; everything else becomes blanks, and lines
/// keep their numbers.
pub fn prose(source: &str) -> String {
    let mut prose = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let (length, is_prose) = piece(rest, first);
        let (piece, after) = rest.split_at(length);
        match is_prose {
            true => prose.push_str(piece),
            false => prose.extend(piece.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        rest = after;
    }
    prose
}

/// How long the piece at the start is, and whether it is prose.
fn piece(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), true);
    }
    if first == '"' {
        return (end_of_string(rest), true);
    }
    if first == 'r' {
        let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
        if rest[1 + hashes..].starts_with('"') {
            let start = hashes + 2;
            let end = format!("\"{}", "#".repeat(hashes));
            let length = rest[start..].find(&end).map(|at| start + at + end.len());
            return (length.unwrap_or(rest.len()), true);
        }
    }
    if first == '\'' {
        return (end_of_char(rest), false);
    }
    (first.len_utf8(), false)
}

fn end_of_string(rest: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A character, or the quote of a lifetime alone.
fn end_of_char(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            let end = chars.skip(1).find(|(_, c)| *c == '\'');
            end.map_or(1, |(at, _)| at + 1)
        }
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::prose;

    #[test]
    fn code_becomes_blanks() {
        let source = "let told = 'x'; // one\nf(\"two \\\" told\", r#\"three\"#, 'a: '\"');\n";
        let words: Vec<String> = prose(source).split_whitespace().map(str::to_owned).collect();
        assert_eq!(words.join(" "), "// one \"two \\\" told\" r#\"three\"#");
    }

    #[test]
    fn lines_keep_their_numbers() {
        let source = "fn f() {\n    // here\n}\n";
        assert_eq!(prose(source).lines().nth(1).map(str::trim), Some("// here"));
    }
}
