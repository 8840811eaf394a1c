//! Registration tokens for `juju register TOKEN`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use juju_client::Password;

/// From this content length on, DER encodes the length in several bytes.
const LONG_FORM: usize = 0x80;

/// Builds the token that `juju change-user-password --reset` prints, from the base64 key that the
/// controller generated. `None` if the key is not base64.
///
/// The token is an ASN.1 sequence of user, addresses, key, controller name and proxy
/// configuration. The last is empty but required: with four fields `juju register` reports a
/// truncated sequence. It is URL-safe base64, with zero bytes after the sequence so that no `=`
/// padding is needed.
pub fn registration(
    user: &str,
    addresses: &[String],
    secret_key: &Password,
    controller: &str,
) -> Option<Password> {
    let key = STANDARD.decode(secret_key.expose()).ok()?;
    let addresses: Vec<u8> = addresses.iter().flat_map(|a| text(a)).collect();
    let parts = [
        text(user),
        element(SEQUENCE, &addresses),
        element(OCTETS, &key),
        text(controller),
        text(NO_PROXY),
    ];
    let mut token = element(SEQUENCE, &parts.concat());
    while !token.len().is_multiple_of(3) {
        token.push(0);
    }
    Some(Password::new(URL_SAFE.encode(token)))
}

/// Empty proxy configuration: no Juju proxy in front of the controller.
const NO_PROXY: &str = "";
const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;

/// Encodes a string as Go's `encoding/asn1` does: PrintableString where possible, else UTF8String.
fn text(text: &str) -> Vec<u8> {
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    let tag = if text.chars().all(printable) { PRINTABLE } else { UTF8 };
    element(tag, text.as_bytes())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut all = vec![tag];
    if length < LONG_FORM {
        all.push(length as u8);
    } else {
        let bytes: Vec<u8> =
            length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
        all.push(LONG_FORM as u8 | bytes.len() as u8);
        all.extend(bytes);
    }
    all.extend(content);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::der_parser::parse_der;

    /// Printed by `juju add-user` of Juju 4.0.15, for a controller that no longer exists.
    const PRINTED: &str = "MEcTBWNhcm9sMBUTEzEwLjk2LjE3Ni4yNDA6MTcwNzAEIJpexjGFkJ-4e53x2YPtZ3EQd3NqgXEp3g73_Xs0QVxTEwNyamMTAAAA";

    #[test]
    fn token_for_a_known_key_equals_what_juju_prints() {
        let bytes = URL_SAFE.decode(PRINTED).unwrap();
        let (_, parsed) = parse_der(&bytes).unwrap();
        let parts = parsed.as_sequence().unwrap();
        let key = Password::new(STANDARD.encode(parts[2].as_slice().unwrap()));
        let addresses = ["10.96.176.240:17070".to_owned()];
        let token = registration("carol", &addresses, &key, "rjc").unwrap();
        assert_eq!(token.expose(), PRINTED);
    }

    #[test]
    fn token_is_the_asn1_sequence_that_juju_register_expects() {
        for count in [1, 2, 30] {
            let addresses = vec!["10.152.183.21:17070".to_owned(); count];
            let key = Password::new(STANDARD.encode([7_u8; 32]));
            let token = registration("alice", &addresses, &key, "prod_eu").unwrap();
            assert!(!token.expose().contains('='));
            let bytes = URL_SAFE.decode(token.expose()).unwrap();
            let (rest, parsed) = parse_der(&bytes).unwrap();
            assert!(rest.len() < 3 && rest.iter().all(|byte| *byte == 0));
            let parts = parsed.as_sequence().unwrap();
            assert_eq!(parts[0].as_str().unwrap(), "alice");
            assert_eq!(parts[0].tag().0, u32::from(PRINTABLE));
            let listed = parts[1].as_sequence().unwrap();
            let listed: Vec<_> = listed.iter().map(|a| a.as_str().unwrap()).collect();
            assert_eq!(listed, addresses);
            assert_eq!(parts[2].as_slice().unwrap(), [7; 32]);
            assert_eq!(parts[3].as_str().unwrap(), "prod_eu");
            assert_eq!(parts[3].tag().0, u32::from(UTF8));
            assert_eq!(parts[4].as_str().unwrap(), "");
            assert_eq!(parts.len(), 5);
        }
        let wrong = Password::new("no base64!");
        assert!(registration("alice", &[], &wrong, "x").is_none());
    }
}
