//! Aligned columns within a width: cells that do not fit continue on the next line.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// A column: its heading, and how wide it would like to be.
pub struct Column {
    heading: &'static str,
    wanted: usize,
    is_flexible: bool,
}

/// Blanks between columns.
const GAP: usize = 2;
/// Least width of a flexible column.
const LEAST: usize = 12;

impl Column {
    /// A column as wide as its widest cell.
    pub fn fixed<const N: usize>(heading: &'static str, rows: &[[String; N]], at: usize) -> Self {
        let widest = rows.iter().map(|row| row[at].width()).max().unwrap_or(0);
        Self { heading, wanted: widest.max(heading.width()), is_flexible: false }
    }

    /// A column that shares what the fixed ones leave.
    pub fn flexible<const N: usize>(
        heading: &'static str,
        rows: &[[String; N]],
        at: usize,
    ) -> Self {
        Self { is_flexible: true, ..Self::fixed(heading, rows, at) }
    }
}

/// Columns with their widths.
pub struct Columns<const N: usize> {
    headings: [&'static str; N],
    widths: [usize; N],
}

/// Gives each column its width, within a total.
pub fn fit<const N: usize>(columns: [Column; N], total: usize) -> Columns<N> {
    let fixed: usize = columns.iter().filter(|c| !c.is_flexible).map(|c| c.wanted).sum();
    let room = total.saturating_sub(fixed + GAP * (N - 1));
    // What wants less than its share leaves the rest to the others.
    let (mut left, mut shares) = (room, columns.iter().filter(|c| c.is_flexible).count());
    let mut by_size: Vec<usize> = (0..N).filter(|at| columns[*at].is_flexible).collect();
    by_size.sort_by_key(|at| columns[*at].wanted);
    let mut widths: [usize; N] = std::array::from_fn(|at| columns[at].wanted);
    for at in by_size {
        widths[at] = columns[at].wanted.min((left / shares).max(LEAST));
        left = left.saturating_sub(widths[at]);
        shares -= 1;
    }
    Columns { headings: columns.map(|c| c.heading), widths }
}

impl<const N: usize> Columns<N> {
    /// The headings in one line.
    pub fn heading(&self) -> String {
        let cells: Vec<String> = self
            .headings
            .iter()
            .zip(self.widths)
            .map(|(text, width)| padded(text, width))
            .collect();
        cells.join("  ").trim_end().to_owned()
    }

    /// Width of all columns with the gaps between them.
    pub fn width(&self) -> usize {
        self.widths.iter().sum::<usize>() + GAP * (N - 1)
    }

    /// Width of the first two columns with their gaps.
    pub fn indent(&self) -> usize {
        self.widths.iter().take(2).map(|width| width + GAP).sum()
    }

    /// A row in as many lines as its longest cell needs, each cell padded.
    pub fn lines(&self, row: &[String; N]) -> Vec<[String; N]> {
        let cells: [Vec<String>; N] = std::array::from_fn(|at| wrapped(&row[at], self.widths[at]));
        let most = cells.iter().map(Vec::len).max().unwrap_or(0);
        let line = |number: usize| {
            std::array::from_fn(|at| {
                padded(cells[at].get(number).map_or("", String::as_str), self.widths[at])
            })
        };
        (0..most).map(line).collect()
    }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Breaks a text between words, and words that are too long for a line after a hyphen, a slash
/// or a dot, if they have one.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        loop {
            let last = lines.last_mut().map(std::mem::take).unwrap_or_default();
            let gap = if last.is_empty() { "" } else { " " };
            let room = width.saturating_sub(last.width() + gap.len());
            let fits = word.width() <= room;
            if fits || (!last.is_empty() && word.width() <= width) {
                let keep = if fits { format!("{last}{gap}{word}") } else { last.clone() };
                lines.pop();
                lines.push(keep);
                if !fits {
                    lines.push(word.to_owned());
                }
                break;
            }
            // Longer than a line.
            let cut = cut(word, room.max(1));
            let is_worth = last.is_empty() || word[..cut].ends_with(BREAKS);
            let (now, rest) = if is_worth { word.split_at(cut) } else { ("", word) };
            lines.pop();
            lines.push(format!("{last}{}{now}", if now.is_empty() { "" } else { gap }));
            lines.push(String::new());
            word = rest;
        }
    }
    lines
}

const BREAKS: [char; 3] = ['-', '/', '.'];

/// Where to cut a word so that its start fits.
fn cut(word: &str, room: usize) -> usize {
    let (mut end, mut after_break, mut width) = (0, 0, 0);
    for (at, c) in word.char_indices() {
        width += c.width().unwrap_or(0);
        if width > room {
            break;
        }
        end = at + c.len_utf8();
        if BREAKS.contains(&c) {
            after_break = end;
        }
    }
    let first = word.chars().next().map_or(0, char::len_utf8);
    if after_break > 0 { after_break } else { end.max(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_continue_on_the_next_line() {
        let rows = [["high".to_owned(), "Pod kubeflow/a-long-name-of-a-pod-0".to_owned()]];
        let columns =
            fit([Column::fixed("SEVERITY", &rows, 0), Column::flexible("OBJECT", &rows, 1)], 30);
        assert_eq!(columns.heading(), "SEVERITY  OBJECT");
        let lines: Vec<String> = columns.lines(&rows[0]).iter().map(|l| l.join("  ")).collect();
        assert_eq!(lines, ["high      Pod kubeflow/a-long-", "          name-of-a-pod-0     "]);
    }

    #[test]
    fn cell_fits_its_column() {
        for text in
            ["", "a", "aaaa bbbb cccc", "aaaaaaaaaaaaaaaaaaaaaaaaa", "x 日本語日本語日本語", "a  b"]
        {
            for width in 2..20 {
                let lines = wrapped(text, width);
                assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:?}");
                let squeezed = |t: &str| t.replace(' ', "");
                assert_eq!(squeezed(&lines.concat()), squeezed(text));
            }
        }
    }
}
