//! New passwords, from the operating system's random source.

use rand::distr::{Alphanumeric, SampleString as _};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

/// Characters in a password: 32 letters and digits are 190 bits, and need no escaping in a shell,
/// URL or YAML.
const LENGTH: usize = 32;

/// Generates a password.
///
/// # Panics
/// If there is no random source: no password is better than a guessable one.
pub fn generate() -> juju_client::Password {
    let mut source = UnwrapErr(SysRng);
    juju_client::Password::new(Alphanumeric.sample_string(&mut source, LENGTH))
}

/// A random number between 0 and 1, to spread retries.
pub fn jitter() -> f64 {
    rand::random()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn generated_passwords_differ_and_use_all_characters() {
        let all: Vec<_> = (0..200).map(|_| generate()).collect();
        let different: BTreeSet<&str> = all.iter().map(|p| p.expose()).collect();
        assert_eq!(different.len(), 200);
        assert!(different.iter().all(|p| p.len() == LENGTH));
        let used: BTreeSet<char> = different.iter().flat_map(|p| p.chars()).collect();
        assert_eq!(used.len(), 62);
    }
}
