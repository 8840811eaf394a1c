//! What the demo prints: acts, commands and their outcome; with `-v` hook tools and JSON too.

use std::fmt::Display;
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

static VERBOSE: OnceLock<bool> = OnceLock::new();
static BEGUN: OnceLock<Instant> = OnceLock::new();
static ACT: AtomicUsize = AtomicUsize::new(0);

/// Begins the story: with its details or without.
pub fn begin(verbose: bool) {
    VERBOSE.get_or_init(|| verbose);
    BEGUN.get_or_init(Instant::now);
}

/// Whether details are shown.
pub fn is_verbose() -> bool {
    *VERBOSE.get_or_init(|| false)
}

/// Seconds since the story began.
pub fn seconds() -> u64 {
    BEGUN.get_or_init(Instant::now).elapsed().as_secs()
}

/// Begins an act, with the time that has passed.
pub fn act(what: &str) {
    let number = ACT.fetch_add(1, Ordering::Relaxed) + 1;
    let seconds = seconds();
    println!("\n{}", bold(&format!("━━ {number}. {what}  ({}:{:02})", seconds / 60, seconds % 60)));
}

/// A command, as a person would type it.
pub fn command(line: &str) {
    println!("\n{}", bold(&format!("$ {line}")));
}

/// What happens, in a sentence.
pub fn say(what: impl Display) {
    println!("{what}");
}

/// What only people who look closely want to see.
pub fn detail(what: impl Display) {
    if is_verbose() {
        println!("{what}");
    }
}

/// Longest line that is shown without `-v`, in characters.
const WIDTH: usize = 120;

/// The first lines of a text, cut to a terminal's width, and how many more there are; all of it
/// with `-v`.
pub fn head(text: &str, lines: usize) {
    let all: Vec<&str> = text.trim_end().lines().collect();
    let shown = if is_verbose() { all.len() } else { lines.min(all.len()) };
    for line in &all[..shown] {
        match line.char_indices().nth(WIDTH) {
            Some((end, _)) if !is_verbose() => println!("{}…", &line[..end]),
            _ => println!("{line}"),
        }
    }
    if shown < all.len() {
        println!("... {} more lines; -v shows them", all.len() - shown);
    }
}

fn bold(text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}
