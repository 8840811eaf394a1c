//! A picture of a terminal, from what the program prints with colours: SVG, the same at every run.

/// Width of a character and height of a line, in pixels.
const CELL: (f64, f64) = (7.8, 17.0);
/// Room around the text, and height of the title bar, in pixels.
const MARGIN: f64 = 16.0;
const BAR: f64 = 30.0;
/// Colours by the code that selects them, as dark terminals have them.
const COLOURS: [(&str, &str); 6] = [
    ("31", "#ff7b72"),
    ("32", "#7ee787"),
    ("33", "#e3b341"),
    ("34", "#79c0ff"),
    ("36", "#76e3ea"),
    ("2", "#8b949e"),
];

/// Draws a command and what it printed, in so many columns.
pub fn svg(command: &str, printed: &str, columns: usize) -> String {
    let lines: Vec<String> = std::iter::once(format!("\u{1b}[1m$ {command}\u{1b}[0m"))
        .chain(printed.trim_end().lines().map(str::to_owned))
        .collect();
    let width = columns as f64 * CELL.0 + 2.0 * MARGIN;
    let height = lines.len() as f64 * CELL.1 + 2.0 * MARGIN + BAR;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         role=\"img\" aria-label=\"{}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n\
         <g fill=\"#30363d\"><circle cx=\"20\" cy=\"16\" r=\"5\"/><circle cx=\"38\" cy=\"16\" r=\"5\"/>\
         <circle cx=\"56\" cy=\"16\" r=\"5\"/></g>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace\" \
         font-size=\"13\" fill=\"#e6edf3\" xml:space=\"preserve\">\n",
        escaped(command)
    );
    for (index, line) in lines.iter().enumerate() {
        let y = BAR + MARGIN + (index as f64 + 0.7) * CELL.1;
        let spans = spans(line);
        if !spans.is_empty() {
            out.push_str(&format!("<text y=\"{y:.1}\">{spans}</text>\n"));
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// The runs of a line that look the same, each at its column: fonts differ in width.
fn spans(line: &str) -> String {
    let mut out = String::new();
    let (mut column, mut code) = (0, String::new());
    for (index, part) in line.split("\u{1b}[").enumerate() {
        let text = match (index, part.split_once('m')) {
            (0, _) | (_, None) => part,
            (_, Some((selected, text))) => {
                code = selected.to_owned();
                text
            }
        };
        for (offset, word) in words(text) {
            let x = MARGIN + (column + offset) as f64 * CELL.0;
            let length = word.chars().count() as f64 * CELL.0;
            out.push_str(&format!(
                "<tspan x=\"{x:.1}\" textLength=\"{length:.1}\"{}>{}</tspan>",
                style(&code),
                escaped(word)
            ));
        }
        column += text.chars().count();
    }
    out
}

/// The parts of a text between two blanks or more, with their columns.
fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let word = part.trim();
        if !word.is_empty() {
            let blanks = part.chars().count() - part.trim_start().chars().count();
            words.push((column + blanks, word));
        }
        column += part.chars().count() + 2;
    }
    words
}

fn style(code: &str) -> String {
    let parts: Vec<&str> = code.split(';').collect();
    let mut style = String::new();
    if parts.contains(&"1") {
        style.push_str(" font-weight=\"bold\"");
    }
    if let Some((_, colour)) = COLOURS.iter().find(|(code, _)| parts.contains(code)) {
        style.push_str(&format!(" fill=\"{colour}\""));
    }
    style
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_drawn_at_their_column_in_their_colour() {
        let drawn = spans("\u{1b}[1;31mcritical\u{1b}[0m  TLS-01  <x>");
        assert!(drawn.contains(
            "x=\"16.0\" textLength=\"62.4\" font-weight=\"bold\" fill=\"#ff7b72\">critical<"
        ));
        assert!(drawn.contains("x=\"94.0\" textLength=\"46.8\">TLS-01<"), "{drawn}");
        assert!(drawn.contains("&lt;x&gt;"), "{drawn}");
    }
}
