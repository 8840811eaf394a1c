//! New passwords, from the system's random source.

use rand::distr::{Alphanumeric, SampleString as _};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

/// Letters and digits: 32 of 62 kinds are 190 bits, and no shell, URL or YAML
/// changes them.
const LENGTH: usize = 32;

/// A new password.
///
/// # Panics
/// If the system has no random source: no value is better than one that can be guessed.
pub fn generate() -> juju_client::Password {
    let mut source = UnwrapErr(SysRng);
    juju_client::Password::new(Alphanumeric.sample_string(&mut source, LENGTH))
}

/// A number between 0 and 1, so that many do not try again at the same time.
pub fn jitter() -> f64 {
    rand::random()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn passwords_differ_and_use_all_letters_and_digits() {
        let all: Vec<_> = (0..200).map(|_| generate()).collect();
        let different: BTreeSet<&str> = all.iter().map(|p| p.expose()).collect();
        assert_eq!(different.len(), 200);
        assert!(different.iter().all(|p| p.len() == LENGTH));
        let used: BTreeSet<char> = different.iter().flat_map(|p| p.chars()).collect();
        assert_eq!(used.len(), 62);
    }
}
