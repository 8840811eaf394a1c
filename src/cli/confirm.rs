//! The one question before anything is changed.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::bail;

/// Whether to go on with a command that changes something. A person at a terminal is asked; a
/// script, or anyone who would not see the plan or the question, has to pass `--yes`.
pub(super) fn confirm(what: &str, yes: bool) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    let are_terminals =
        [io::stdin().is_terminal(), io::stdout().is_terminal(), io::stderr().is_terminal()];
    if are_terminals.contains(&false) {
        bail!("not a terminal: pass --yes to {what}; nothing was changed");
    }
    write!(io::stderr(), "\n{what}? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
