//! Where an item of a list stands in a policy, for messages.

/// Line number of a list's item in block style; for a list in flow style, that of the list.
fn line_of(yaml: &str, list: &str, index: usize) -> Option<usize> {
    let mut lines = yaml.lines().enumerate();
    let (start, _) = lines.find(|(_, line)| {
        let rest = line.strip_prefix(list);
        rest.is_some_and(|rest| rest.starts_with(':'))
    })?;
    let dash = |line: &str| {
        let inner = line.trim_start();
        inner.starts_with("- ").then(|| line.len() - inner.len())
    };
    let mut indentation = None;
    let items = lines.filter(|(_, line)| match (dash(line), indentation) {
        (Some(depth), None) => {
            indentation = Some(depth);
            true
        }
        (depth, known) => depth.is_some() && depth == known,
    });
    let item = items.map(|(number, _)| number).nth(index);
    Some(item.unwrap_or(start) + 1)
}

/// Human-readable name of a list's item, with its line number.
pub(super) fn item(yaml: &str, list: &str, index: usize) -> String {
    let what = list.trim_end_matches('s');
    match line_of(yaml, list, index) {
        Some(line) => format!("{what} {} (line {line})", index + 1),
        None => format!("{what} {}", index + 1),
    }
}
