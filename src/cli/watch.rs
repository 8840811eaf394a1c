//! `audit --watch`: the report again and again, and what changed since the one before.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use super::shared::{print, print_data};
use crate::report::Report;
use crate::report::diff::{Diff, Fate};

/// Clears a terminal, and goes to its first line.
const CLEAR: &str = "\u{1b}[H\u{1b}[2J";

/// Audits at this period until it is interrupted. At a terminal the whole table is shown each
/// time; elsewhere the changes are, after the first report.
pub(super) fn run(
    period: Duration,
    is_table: bool,
    mut audit: impl FnMut() -> anyhow::Result<Report>,
    show: impl Fn(&Report) -> anyhow::Result<()>,
) -> anyhow::Result<u8> {
    let is_screen = is_table && io::stdout().is_terminal();
    let mut last: Option<Report> = None;
    loop {
        let now = match audit() {
            Ok(report) => report,
            // One that worked before may work again; the first has to.
            Err(error) if last.is_some() => {
                eprintln!("error: {}", juju_charm::printable::text(&format!("{error:#}")));
                std::thread::sleep(period);
                continue;
            }
            Err(error) => return Err(error),
        };
        let changes = last.as_ref().map(|last| Diff::of(last, &now));
        if is_screen {
            print_data(CLEAR)?;
        }
        match &changes {
            Some(changes) if !is_screen => print_changes(&now, changes)?,
            _ => show(&now)?,
        }
        if let Some(changes) = changes.filter(|_| is_screen) {
            print_changes(&now, &changes)?;
        }
        last = Some(now);
        std::thread::sleep(period);
    }
}

fn print_changes(now: &Report, changes: &Diff) -> anyhow::Result<()> {
    let is_quiet = changes.count(Fate::New) + changes.count(Fate::Fixed) == 0
        && changes.incomparable.is_empty();
    let at = &now.cluster.collected_at;
    match is_quiet {
        true => print(&format!("{at}: no changes\n")),
        false => print(&format!("{at}: {}", changes.text())),
    }
}
