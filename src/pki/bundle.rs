//! A bundle of trusted certificates that other parties edit as well.

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Digest of a PEM certificate, independent of line endings.
pub fn digest(pem: &str) -> String {
    crate::digest(blocks(pem).concat())
}

/// Merges `trusted` into a bundle, and removes certificates that this charm added before, by their
/// digests; certificates of others stay. `None` if the bundle is up to date.
pub fn merge(present: &str, before: &[String], trusted: &[String]) -> Option<String> {
    let trusted: Vec<String> = trusted.iter().flat_map(|pem| blocks(pem)).collect();
    let present = blocks(present);
    let stays = |pem: &&String| !before.contains(&digest(pem)) && !trusted.contains(pem);
    let others = present.iter().filter(stays).cloned();
    let merged: Vec<String> = others.chain(trusted.iter().cloned()).collect();
    let is_same = merged.len() == present.len() && merged.iter().all(|pem| present.contains(pem));
    (!is_same).then(|| merged.join("\n"))
}

/// The PEM certificates of a text, without surrounding text.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    for line in text.lines().map(str::trim) {
        if line == BEGIN {
            block = Some(Vec::new());
        }
        if let Some(lines) = &mut block {
            lines.push(line);
        }
        if line == END
            && let Some(lines) = block.take()
        {
            blocks.push(lines.join("\n"));
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(body: &str) -> String {
        format!("{BEGIN}\n{body}\n{END}")
    }

    #[test]
    fn merge_preserves_foreign_and_replaces_own_certificates() {
        let (other, old, new) = (pem("b3RoZXI="), pem("b2xk"), pem("bmV3"));
        let none: [String; 0] = [];
        let with_new = merge(&other, &none, std::slice::from_ref(&new)).unwrap();
        assert_eq!(with_new, format!("{other}\n{new}"));
        assert_eq!(merge(&with_new, &none, std::slice::from_ref(&new)), None);
        let crlf = with_new.replace('\n', "\r\n");
        assert_eq!(merge(&crlf, &[digest(&new)], std::slice::from_ref(&new)), None);
        let both = format!("# from us\n{old}\n{other}\n");
        let changed = merge(&both, &[digest(&old)], std::slice::from_ref(&new));
        assert_eq!(changed, Some(format!("{other}\n{new}")));
        assert_eq!(merge(&with_new, &[digest(&new)], &none), Some(other.clone()));
        assert_eq!(merge(&new, &[digest(&new)], &none), Some(String::new()));
        assert_eq!(merge("", &none, &none), None);
    }
}
