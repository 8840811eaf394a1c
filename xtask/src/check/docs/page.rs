//! A document, and the code in it.

use std::fs;

use anyhow::Context as _;

use crate::run::root;

/// A document.
pub struct Page {
    /// Its path from the project's directory.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Code of a document: a line of a block, or a span in a sentence.
pub struct Code {
    pub line: usize,
    pub text: String,
    pub is_span: bool,
}

impl Page {
    /// Reads a document of the project.
    pub fn read(name: &str) -> anyhow::Result<Self> {
        let text = fs::read_to_string(root().join(name)).with_context(|| name.to_owned())?;
        Ok(Self { name: name.to_owned(), text })
    }

    /// A problem at a line.
    pub fn problem(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.name)
    }

    /// The line of a place in the text.
    pub fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    /// Lines of blocks and spans, in no order; of a picture, its texts.
    pub fn code(&self) -> Vec<Code> {
        if self.name.ends_with(".svg") {
            return texts(&self.text);
        }
        let (mut code, mut prose) = (Vec::new(), String::new());
        let mut is_fenced = false;
        for (index, line) in self.text.lines().enumerate() {
            let is_fence = line.trim_start().starts_with("```");
            let is_block = is_fenced || line.starts_with("    ");
            if is_fence {
                is_fenced = !is_fenced;
            } else if is_block {
                let text = line.trim().to_owned();
                code.push(Code { line: index + 1, text, is_span: false });
            } else {
                prose.push_str(line);
            }
            prose.push('\n');
        }
        code.extend(spans(&prose));
        code
    }
}

/// The texts of a picture, one a line.
fn texts(picture: &str) -> Vec<Code> {
    let lines = picture.lines().enumerate();
    let texts = lines.filter_map(|(index, line)| {
        let (_, rest) = line.split_once("<text")?.1.split_once('>')?;
        let (text, _) = rest.split_once("</text>")?;
        Some(Code { line: index + 1, text: text.to_owned(), is_span: false })
    });
    texts.collect()
}

/// What is between backticks; a span may be broken over two lines.
fn spans(prose: &str) -> Vec<Code> {
    let mut spans = Vec::new();
    let mut line = 1;
    for (index, part) in prose.split('`').enumerate() {
        if index % 2 == 1 {
            let text = part.split_whitespace().collect::<Vec<_>>().join(" ");
            spans.push(Code { line, text, is_span: true });
        }
        line += part.matches('\n').count();
    }
    spans
}
