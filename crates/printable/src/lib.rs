#![doc = include_str!("../README.md")]
#![deny(clippy::too_many_lines)]

use std::borrow::Cow;
use std::fmt::Write as _;

/// A text in one line: a line break is written out too, so that it begins no line of its own.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |_| false)
}

/// A text of several lines.
pub fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |c| matches!(c, '\n' | '\t'))
}

fn escaped(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_plain = |c: char| is_kept(c) || !is_unseen(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            c if is_plain(c) => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // A string takes all.
            c => drop(write!(out, "{}", c.escape_unicode())),
        }
    }
    Cow::Owned(out)
}

/// Whether a character controls a terminal or the direction of writing, or has no width.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        for (given, expected) in [
            ("mallory\u{1b}[2K\u{1b}]0;pwned\u{7}", "mallory\\u{1b}[2K\\u{1b}]0;pwned\\u{7}"),
            ("a\u{9b}31mred", "a\\u{9b}31mred"),
            ("a\nWARNING forged\r\n", "a\\nWARNING forged\\r\\n"),
            ("admin\u{202e}nimda", "admin\\u{202e}nimda"),
            ("ad\u{200b}min\u{feff}", "ad\\u{200b}min\\u{feff}"),
            ("\u{2028}\u{85}\u{e0041}", "\\u{2028}\\u{85}\\u{e0041}"),
        ] {
            assert_eq!(line(given), expected);
        }
        assert!(matches!(line("Zoë → 日本語 ✓"), Cow::Borrowed(_)));
        assert_eq!(text("a\n\tb\u{1b}c"), "a\n\tb\\u{1b}c");
    }
}
