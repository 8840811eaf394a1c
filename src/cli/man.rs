//! `man`: manual pages, one for each command.

use std::path::PathBuf;

use anyhow::Context as _;

use super::shared::{NOTHING_OPEN, print, print_data};
use super::suggest;

/// Which pages.
#[derive(clap::Args)]
#[command(after_help = super::help::MAN)]
pub struct Man {
    /// The command; without one, the page of ckf-hardening.
    command: Option<String>,
    /// Write every page into a directory.
    #[arg(short, long, value_name = "DIR", conflicts_with = "command")]
    directory: Option<PathBuf>,
}

impl Man {
    /// Prints a page of the program, or writes all.
    pub fn run(self, program: clap::Command) -> anyhow::Result<u8> {
        let pages = pages(program)?;
        if let Some(directory) = &self.directory {
            std::fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
            for (name, page) in &pages {
                let path = directory.join(format!("{name}.1"));
                std::fs::write(&path, page).with_context(|| path.display().to_string())?;
            }
            print(&format!("wrote {} pages to {}\n", pages.len(), directory.display()))?;
            return Ok(NOTHING_OPEN);
        }
        let wanted = match &self.command {
            None => "ckf-hardening".to_owned(),
            Some(command) => format!("ckf-hardening-{}", command.replace(' ', "-")),
        };
        let page = pages.iter().find(|(name, _)| *name == wanted);
        let (_, page) = page.with_context(|| {
            let command = self.command.as_deref().unwrap_or_default();
            let known = pages.iter().filter_map(|(name, _)| name.strip_prefix("ckf-hardening-"));
            format!("no command {command:?}{}", suggest::hint(command, known))
        })?;
        print_data(page)?;
        Ok(NOTHING_OPEN)
    }
}

/// Every command's page, by its name: `ckf-hardening-policy-check`.
pub fn pages(mut program: clap::Command) -> anyhow::Result<Vec<(String, String)>> {
    program.build();
    let mut pages = Vec::new();
    add(&program, "ckf-hardening".into(), &mut pages)?;
    Ok(pages)
}

fn add(
    command: &clap::Command,
    name: String,
    pages: &mut Vec<(String, String)>,
) -> anyhow::Result<()> {
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        add(sub, format!("{name}-{}", sub.get_name()), pages)?;
    }
    let mut page = Vec::new();
    // Without a date, the same program makes the same page.
    let title = name.to_ascii_uppercase();
    let manual = clap_mangen::Man::new(command.clone()).title(title).date("");
    manual.render(&mut page)?;
    pages.push((name, String::from_utf8(page)?));
    Ok(())
}
