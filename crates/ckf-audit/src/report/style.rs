//! Colours and hyperlinks of terminals: what is emphasized, and the codes for it.

use crate::catalog::Severity;

/// Whether output has codes of terminals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    is_colored: bool,
    has_links: bool,
}

/// Role of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Headings of tables, and the score.
    Heading,
    /// Names that a command takes.
    Id,
    /// What is read last.
    Quiet,
    /// What went wrong.
    Warning,
    /// What was added or passes.
    Good,
    /// A severity.
    Severity(Severity),
}

impl Ink {
    /// The ink of a severity.
    pub fn of(severity: Severity) -> Self {
        Self::Severity(severity)
    }

    /// Of the sixteen colours that terminals let their user choose.
    fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Id => "36",
            Self::Quiet => "2",
            Self::Warning => "33",
            Self::Good => "32",
            Self::Severity(Severity::Critical) => "1;31",
            Self::Severity(Severity::High) => "31",
            Self::Severity(Severity::Medium) => "33",
            Self::Severity(Severity::Low) => "34",
            Self::Severity(Severity::Info) => "2",
        }
    }
}

impl Style {
    /// With colours.
    pub fn colored() -> Self {
        Self { is_colored: true, has_links: false }
    }

    /// The same, with hyperlinks (OSC 8) or without.
    pub fn with_links(self, has_links: bool) -> Self {
        Self { has_links, ..self }
    }

    /// A text that opens an address where the terminal has hyperlinks. The address is this
    /// project's own, so nothing in it ends the link early.
    pub fn link(self, address: Option<&str>, text: &str) -> String {
        match address.filter(|_| self.has_links && !text.is_empty()) {
            Some(address) => format!("\u{1b}]8;;{address}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\"),
            None => text.to_owned(),
        }
    }

    /// A text in an ink; each of its lines by itself.
    pub fn paint(self, ink: Ink, text: &str) -> String {
        if !self.is_colored || text.is_empty() {
            return text.to_owned();
        }
        let lines = text.split('\n').map(|line| format!("\u{1b}[{}m{line}\u{1b}[0m", ink.code()));
        lines.collect::<Vec<_>>().join("\n")
    }
}
