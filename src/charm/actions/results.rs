//! Results of actions: readable as `juju run` prints them, and within the size that Juju accepts.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzEncoder;
use juju_charm::{ToolError, action, tool};
use log::warn;
use thiserror::Error;

use crate::charm::issue::brief;

/// Longest value of a result: the argument of `action-set` that holds it holds its key too.
pub const LONGEST: usize = tool::LONGEST_ARGUMENT - 64;
/// Widest table of a result, in characters.
pub const WIDTH: u16 = 80;
/// Longest text for programs that is returned as it is, in bytes. Juju 3.6 keeps all results of an
/// action in one document of MongoDB, which takes 16 MB.
const MOST_PLAIN: usize = 4 * 1024 * 1024;
/// Longest compressed text, in bytes of Base64, for the same reason. The rest of the document holds
/// names and other results.
const MOST_ENCODED: usize = 12 * 1024 * 1024;
/// Most parts of a text for people, which is two megabytes.
const PARTS: usize = 16;

/// The text is too long for Juju.
#[derive(Debug, Error)]
#[error(
    "{key} has {plain} bytes, {encoded} compressed, and Juju keeps at most 16 MB of an action's results"
)]
pub struct TooLong {
    key: String,
    plain: usize,
    encoded: usize,
}

/// Results of an action, in their order.
#[derive(Debug, Default)]
pub struct Results(Vec<(String, String)>);

impl Results {
    /// Adds a value of a line.
    pub fn value(mut self, key: &str, text: &str) -> Self {
        let text = brief(&readable(text), LONGEST / 4);
        self.0.push((key.to_owned(), text));
        self
    }

    /// Adds lines for people; none if there are none. What one result does not hold is in the
    /// next, `KEY-2` and so on, and a last line says what was left out and where it is.
    pub fn lines(mut self, key: &str, text: &str, elsewhere: &str) -> Self {
        let text = readable(text);
        if !text.is_empty() {
            self.parts(key, in_parts(&text, LONGEST, PARTS, elsewhere));
        }
        self
    }

    /// Adds a text for programs whole. If it is longer than a result may be, its parts are to be
    /// joined; if it is longer than all results may be, they are Base64 of gzip, as the result
    /// `KEY-encoding` says.
    ///
    /// # Errors
    ///
    /// Even compressed it is too long for Juju.
    pub fn whole(self, key: &str, text: &str) -> Result<Self, TooLong> {
        if text.len() <= MOST_PLAIN {
            return Ok(self.joined(key, text));
        }
        let encoded = encoded(key, text, MOST_ENCODED)?;
        let results = self.value(&format!("{key}-encoding"), "gzip, then base64");
        Ok(results.joined(key, &encoded))
    }

    fn joined(mut self, key: &str, text: &str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while rest.len() > LONGEST {
            let (part, more) = rest.split_at(rest.floor_char_boundary(LONGEST));
            parts.push(part.to_owned());
            rest = more;
        }
        parts.push(rest.to_owned());
        self.parts(key, parts);
        self
    }

    /// Adds JSON of a list. If it is longer than a result may be, each part is JSON of a part of
    /// the list. `json` writes the JSON of these items.
    pub fn json<T>(mut self, key: &str, items: &[T], json: impl Fn(&[T]) -> String) -> Self {
        let mut left_out = 0;
        let parts = json_parts(items, &json, LONGEST, &mut left_out);
        self.parts(key, parts);
        if left_out > 0 {
            let why = format!("{left_out} items, each longer than a result of an action may be");
            self = self.value(&format!("{key}-left-out"), &why);
        }
        self
    }

    fn parts(&mut self, key: &str, parts: Vec<String>) {
        let parts = parts.into_iter().enumerate().map(|(index, part)| match index {
            0 => (key.to_owned(), part),
            _ => (format!("{key}-{}", index + 1), part),
        });
        self.0.extend(parts);
    }

    /// What would be returned.
    #[cfg(test)]
    pub fn entries(&self) -> &[(String, String)] {
        &self.0
    }

    /// Has Juju return them. Each is tried, whatever became of the others.
    pub fn set(self) -> Result<(), ToolError> {
        let mut result = Ok(());
        for (key, value) in &self.0 {
            if let Err(error) = action::set(&[(key, value)]) {
                result = Err(error);
            }
        }
        result
    }

    /// The same after work is done: that its results cannot be returned undoes nothing.
    pub fn set_after_work(self) {
        if let Err(error) = self.set() {
            warn!("not all results could be returned: {error}");
        }
    }
}

/// A text, compressed by gzip, in Base64 of at most this many bytes.
fn encoded(key: &str, text: &str, most: usize) -> Result<String, TooLong> {
    let encoded = STANDARD.encode(gzip(text));
    match encoded.len() <= most {
        true => Ok(encoded),
        false => Err(TooLong { key: key.to_owned(), plain: text.len(), encoded: encoded.len() }),
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut compressed = Vec::new();
    // Reading from memory cannot fail.
    let read = GzEncoder::new(text.as_bytes(), Compression::default()).read_to_end(&mut compressed);
    debug_assert!(read.is_ok());
    compressed
}

/// A text that YAML prints as it is: no blanks at the ends of lines, no tabs, and no characters
/// that YAML escapes, for one of them has all lines printed as one.
fn readable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
            char::REPLACEMENT_CHARACTER
        }
        // Juju's YAML escapes what is beyond the basic plane, and the mark of byte order.
        c if c > '\u{fffd}' || c == '\u{feff}' => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let lines = text.lines().map(|line| {
        let line: String = line.chars().map(shown).collect();
        line.trim_end().to_owned()
    });
    let lines: Vec<String> = lines.collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// A text in parts of whole lines.
fn in_parts(text: &str, longest: usize, most: usize, elsewhere: &str) -> Vec<String> {
    // Room for the line that says what is left out.
    let room = longest.saturating_sub(elsewhere.len() + 64);
    let mut parts = vec![String::new()];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = match line.len() > room {
            true => format!("{}…", &line[..line.floor_char_boundary(room.saturating_sub(4))]),
            false => line.to_owned(),
        };
        let part = parts.last_mut().map_or(0, |part: &mut String| part.len());
        if part > 0 && part + 1 + line.len() > room {
            if parts.len() == most {
                let left_out = 1 + lines.count();
                if let Some(last) = parts.last_mut() {
                    last.push_str(&format!("\n{left_out} more lines are left out; {elsewhere}"));
                }
                return parts;
            }
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut() {
            if !last.is_empty() {
                last.push('\n');
            }
            last.push_str(&line);
        }
    }
    parts
}

fn json_parts<T>(
    items: &[T],
    json: &impl Fn(&[T]) -> String,
    longest: usize,
    left_out: &mut usize,
) -> Vec<String> {
    let text = json(items);
    if text.len() <= longest {
        return vec![text];
    }
    if items.len() < 2 {
        *left_out += items.len();
        return Vec::new();
    }
    let (first, second) = items.split_at(items.len() / 2);
    let mut parts = json_parts(first, json, longest, left_out);
    parts.extend(json_parts(second, json, longest, left_out));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_many_lines_is_split_between_lines_and_nothing_is_lost() {
        let lines: Vec<String> =
            (0..5000).map(|n| format!("line {n} {}", "é".repeat(20))).collect();
        let text = lines.join("\n");
        let parts = in_parts(&text, 10_000, 100, "x");
        assert!(parts.len() > 20 && parts.iter().all(|part| part.len() <= 10_000));
        assert_eq!(parts.join("\n"), text);
        let parts = in_parts(&text, 10_000, 3, "see debug-log");
        assert!(parts.len() == 3 && parts.iter().all(|part| part.len() <= 10_000));
        let shown: usize = parts.iter().map(|part| part.lines().count()).sum();
        let last = parts[2].lines().last().unwrap();
        let left_out = 5000 - (shown - 1);
        assert_eq!(last, format!("{left_out} more lines are left out; see debug-log"));
        let parts = in_parts(&"é".repeat(90_000), 10_000, 3, "");
        assert!(parts.len() == 1 && parts[0].len() <= 10_000 && parts[0].ends_with('…'));
    }

    #[test]
    fn list_that_is_too_long_is_several_lists() {
        let items: Vec<String> = (0..1000).map(|n| format!("item {n}")).collect();
        let json = |items: &[String]| serde_json::to_string(items).unwrap();
        let mut left_out = 0;
        let parts = json_parts(&items, &json, 500, &mut left_out);
        let read = parts.iter().flat_map(|part| {
            assert!(part.len() <= 500);
            serde_json::from_str::<Vec<String>>(part).unwrap()
        });
        assert_eq!((read.collect::<Vec<_>>(), left_out), (items, 0));
        let long = ["x".repeat(600), "short".to_owned()];
        let parts = json_parts(&long, &json, 500, &mut left_out);
        assert_eq!((parts, left_out), (vec!["[\"short\"]".to_owned()], 1));
    }

    #[test]
    fn text_with_anything_in_it_has_nothing_that_yaml_escapes() {
        let text = "a \t\r\n\u{1b}[2Kb\u{1f600}\u{202e}\u{feff}\u{85}c  \n\n";
        let shown = readable(text);
        assert_eq!(shown, "a\n\u{fffd}[2Kb\u{fffd}\u{fffd}\u{fffd}\u{fffd}c");
    }

    #[test]
    fn long_text_for_programs_is_compressed_and_stays_whole() {
        let text = "{\"é\": 1}\n".repeat(MOST_PLAIN / 8);
        let results = Results::default().whole("report", &text).unwrap();
        let (encoding, parts) = results.entries().split_first().unwrap();
        assert_eq!((&*encoding.0, &*encoding.1), ("report-encoding", "gzip, then base64"));
        let joined: String = parts.iter().map(|(_, part)| part.as_str()).collect();
        assert!(joined.len() < MOST_PLAIN / 8, "{}", joined.len());
        let compressed = STANDARD.decode(joined).unwrap();
        let mut read = String::new();
        flate2::read::GzDecoder::new(&*compressed).read_to_string(&mut read).unwrap();
        assert!(read == text);
        let short = Results::default().whole("report", "{}").unwrap();
        assert_eq!(short.entries(), [("report".to_owned(), "{}".to_owned())]);
    }

    #[test]
    fn text_too_long_even_compressed_is_refused_with_its_length() {
        let text = "0123456789abcdef";
        assert_eq!(encoded("report", text, 48).unwrap().len(), 48);
        let error = encoded("report", text, 47).unwrap_err();
        assert_eq!(
            error.to_string(),
            "report has 16 bytes, 48 compressed, and Juju keeps at most 16 MB of an action's results"
        );
    }
}
