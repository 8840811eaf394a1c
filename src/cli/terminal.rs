//! The terminal: its width, whether it has colours and hyperlinks, and how much is said.

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;

use crate::report::style::Style;
use crate::report::table::{Look, WIDTH, wrapped};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Options of every command.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct TerminalArguments {
    /// When to use colours: NO_COLOR and TERM=dumb turn `auto` off; `never` turns links off too.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Global options"
    )]
    pub color: When,
    /// Say more: reasons, and what passes, is waived or is not assessed.
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Global options")]
    pub verbose: bool,
    /// Say less: no progress, no hints, no table beside files.
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
}

static CHOSEN: OnceLock<TerminalArguments> = OnceLock::new();

/// Keeps the options for the rest of the process.
pub(super) fn choose(arguments: TerminalArguments) {
    let _ = CHOSEN.set(arguments);
}

fn chosen() -> TerminalArguments {
    CHOSEN.get().copied().unwrap_or_default()
}

/// Nothing but results and errors is printed.
pub(super) fn is_quiet() -> bool {
    chosen().quiet
}

/// More is printed.
pub(super) fn is_verbose() -> bool {
    chosen().verbose
}

/// Progress is shown.
pub(super) fn has_progress() -> bool {
    io::stderr().is_terminal() && !is_quiet()
}

/// Narrowest and widest table.
const WIDTHS: std::ops::RangeInclusive<u16> = 60..=200;

/// Width of standard output: of the terminal, by COLUMNS, or the default.
pub(super) fn width() -> u16 {
    let of_variable = || std::env::var("COLUMNS").ok()?.parse().ok();
    let of_terminal = || {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0).then_some(size.ws_col)
    };
    let width = of_terminal().or_else(of_variable).unwrap_or(WIDTH);
    width.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Style of standard output.
pub(super) fn style() -> Style {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let is_terminal = io::stdout().is_terminal();
    let is_dumb = env("TERM").is_some_and(|term| term == "dumb");
    let color = chosen().color;
    let is_colored = match color {
        When::Always => true,
        When::Never => false,
        When::Auto => is_terminal && env("NO_COLOR").is_none() && !is_dumb,
    };
    let style = if is_colored { Style::colored() } else { Style::default() };
    style.with_links(color != When::Never && has_links(is_terminal, &env))
}

/// Terminals that show hyperlinks, by TERM_PROGRAM and by TERM.
const LINKING: [&str; 14] = [
    "Hyper",
    "Tabby",
    "WarpTerminal",
    "WezTerm",
    "alacritty",
    "foot",
    "foot-extra",
    "ghostty",
    "iTerm.app",
    "rio",
    "terminology",
    "vscode",
    "xterm-ghostty",
    "xterm-kitty",
];

/// Whether standard output shows hyperlinks. FORCE_HYPERLINK decides if it is set, as in other
/// programs; unknown terminals, CI and VTE before 0.50, which crashed, have none.
fn has_links(is_terminal: bool, env: &dyn Fn(&str) -> Option<String>) -> bool {
    if let Some(forced) = env("FORCE_HYPERLINK") {
        return forced != "0";
    }
    let is_set = |name: &&str| env(name).is_some();
    if !is_terminal || ["NO_COLOR", "CI", "TEAMCITY_VERSION"].iter().any(is_set) {
        return false;
    }
    let term = env("TERM").unwrap_or_default();
    // Multiplexers pass links on by configuration only.
    if term == "dumb" || ["TMUX", "STY"].iter().any(is_set) {
        return false;
    }
    let version = |name| env(name).and_then(|text| text.parse::<u32>().ok());
    let is_linking = |name: &str| LINKING.contains(&name);
    ["DOMTERM", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "WT_SESSION"].iter().any(is_set)
        || version("VTE_VERSION").is_some_and(|version| version >= 5000)
        || env("TERM_PROGRAM").is_some_and(|program| is_linking(&program))
        || is_linking(&term)
}

/// How reports look on standard output.
pub(super) fn look() -> Look {
    Look { width: width(), style: style(), is_verbose: is_verbose(), has_next: !is_quiet() }
}

/// A text for people, wrapped on a terminal and as it is elsewhere: a program reads lines.
pub(super) fn prose(text: &str) -> String {
    match io::stdout().is_terminal() {
        true => wrapped(text, width().min(100)),
        false => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(is_terminal: bool, variables: &[(&str, &str)]) -> bool {
        let env = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        has_links(is_terminal, &env)
    }

    #[test]
    fn links_are_shown_by_terminals_that_know_them_only() {
        for known in [
            ("VTE_VERSION", "7402"),
            ("TERM_PROGRAM", "vscode"),
            ("WT_SESSION", "1"),
            ("KITTY_WINDOW_ID", "1"),
            ("TERM", "xterm-kitty"),
        ] {
            assert!(links(true, &[known]), "{known:?}");
            assert!(!links(false, &[known]), "{known:?}");
            for off in
                [("NO_COLOR", "1"), ("CI", "true"), ("TMUX", "/tmp/t"), ("FORCE_HYPERLINK", "0")]
            {
                assert!(!links(true, &[known, off]), "{known:?} {off:?}");
            }
        }
        assert!(!links(true, &[("VTE_VERSION", "4803")]) && !links(true, &[("VTE_VERSION", "x")]));
        assert!(!links(true, &[("TERM", "dumb"), ("WT_SESSION", "1")]));
        assert!(!links(true, &[("TERM", "xterm-256color")]) && !links(true, &[]));
        assert!(links(false, &[("FORCE_HYPERLINK", "1")]));
    }
}
