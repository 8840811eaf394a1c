//! The project's documents, as tests read them.

use serde_json::Value;

/// The text of a file of the project.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(crate::root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The commands of a page, each as a shell takes it: lines of blocks that are indented or marked
/// as `shell`, and lines after a prompt in blocks marked as `console`. A here-document and a line
/// that is continued are one command.
pub fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut fence: Option<String> = None;
    // What ends the command that was begun: a line of this text, or the next one.
    let mut open: Option<Option<String>> = None;
    for line in read(page).lines() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            fence = fence.is_none().then(|| kind.to_owned());
            continue;
        }
        let line = match fence.as_deref() {
            Some("shell") => line,
            Some("console") => match line.strip_prefix("$ ") {
                Some(line) => line,
                None => continue,
            },
            None if line.starts_with("    ") => line.trim_start(),
            _ => continue,
        };
        match open.take() {
            Some(end) => {
                let command = commands.last_mut().expect("a command was begun");
                command.push('\n');
                command.push_str(line);
                open = end.filter(|end| end != line).map(Some);
            }
            None => commands.push(line.to_owned()),
        }
        if open.is_none() && line.ends_with('\\') {
            open = Some(None);
        } else if let Some((_, end)) = line.split_once("<<'") {
            open = Some(end.split('\'').next().map(str::to_owned));
        }
    }
    commands.retain(|command| !command.trim().is_empty());
    commands
}

/// The documents of the first YAML block of a page that has one of these.
pub fn yaml_with(page: &str, kind: &str) -> Vec<Value> {
    let text = read(page);
    let mut blocks = text.split("```yaml\n").skip(1);
    let mut blocks = blocks.by_ref().map(|rest| rest.split("```").next().unwrap_or_default());
    let block = blocks.find(|block| block.contains(kind));
    let block = block.unwrap_or_else(|| panic!("{page} has no {kind}"));
    block.split("\n---\n").map(|document| serde_yaml::from_str(document).unwrap()).collect()
}
