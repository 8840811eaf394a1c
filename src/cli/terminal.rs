//! The terminal: its width, whether it has colours, and how much is said.

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
    /// When to use colours: NO_COLOR and TERM=dumb turn `auto` off.
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
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let is_colored = match chosen().color {
        When::Always => true,
        When::Never => false,
        When::Auto => io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
    };
    if is_colored { Style::colored() } else { Style::default() }
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
