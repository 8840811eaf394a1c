//! ClientHello messages of old and weak clients, which no library sends any more, and the
//! ServerHello. No handshake is ever completed with these.

use crate::tls::TlsVersion;

/// Content type of handshake records.
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// Weak cipher suites below TLS 1.3, with OpenSSL's names: without forward secrecy, or with CBC,
/// 3DES or RC4.
pub const WEAK: [(u16, &str); 16] = [
    (0xc009, "ECDHE-ECDSA-AES128-SHA"),
    (0xc00a, "ECDHE-ECDSA-AES256-SHA"),
    (0xc013, "ECDHE-RSA-AES128-SHA"),
    (0xc014, "ECDHE-RSA-AES256-SHA"),
    (0xc023, "ECDHE-ECDSA-AES128-SHA256"),
    (0xc024, "ECDHE-ECDSA-AES256-SHA384"),
    (0xc027, "ECDHE-RSA-AES128-SHA256"),
    (0xc028, "ECDHE-RSA-AES256-SHA384"),
    (0x009c, "AES128-GCM-SHA256"),
    (0x009d, "AES256-GCM-SHA384"),
    (0x003c, "AES128-SHA256"),
    (0x003d, "AES256-SHA256"),
    (0x002f, "AES128-SHA"),
    (0x0035, "AES256-SHA"),
    (0x000a, "DES-CBC3-SHA"),
    (0x0005, "RC4-SHA"),
];

/// A ClientHello that offers this version at most, and only these suites.
pub fn client(
    version: TlsVersion,
    suites: &[u16],
    host: Option<&str>,
    random: [u8; 32],
) -> Vec<u8> {
    let version = [3, u8::from(version) + 1];
    let mut extensions = Vec::new();
    if let Some(host) = host {
        // server_name: a list of one host name.
        let name = sized(2, host.as_bytes());
        extensions.extend(extension(0, &sized(2, &[&[0], &name[..]].concat())));
    }
    // supported_groups: x25519, P-256, P-384.
    extensions.extend(extension(10, &sized(2, &[0, 29, 0, 23, 0, 24])));
    // ec_point_formats: uncompressed.
    extensions.extend(extension(11, &sized(1, &[0])));
    // signature_algorithms: ECDSA, RSA-PSS and RSA with SHA-256, and both with SHA-1.
    let algorithms = [4, 3, 8, 4, 4, 1, 2, 3, 2, 1];
    extensions.extend(extension(13, &sized(2, &algorithms)));
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    let body =
        [&version[..], &random, &[0], &sized(2, &suites), &[1, 0], &sized(2, &extensions)].concat();
    let message = [&[CLIENT_HELLO], &sized(3, &body)[..]].concat();
    [&[HANDSHAKE, 3, 1], &sized(2, &message)[..]].concat()
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &sized(2, content)[..]].concat()
}

/// Content prefixed with its length in this many bytes.
fn sized(bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[length.len() - bytes..], content].concat()
}

/// The TLS version and the cipher suite from a server's first record; `None`
/// if it is not a ServerHello.
pub fn server(record: &[u8]) -> Option<(TlsVersion, u16)> {
    let body = record.strip_prefix(&[HANDSHAKE])?.get(4..)?;
    let body = body.strip_prefix(&[SERVER_HELLO])?.get(3..)?;
    let (version, body) = body.split_at_checked(2)?;
    // The random bytes, then the session id with its length.
    let body = body.get(32..)?;
    let (length, body) = body.split_first()?;
    let suite = body.get(usize::from(*length)..)?.get(..2)?;
    let version = TlsVersion::try_from(version[1].checked_sub(1)?).ok()?;
    Some((version, u16::from_be_bytes([suite[0], suite[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn arbitrary_record_does_not_panic(bytes: Vec<u8>) {
            let _ = server(&bytes);
            let _ = server(&[&[HANDSHAKE, 3, 3, 0, 99, SERVER_HELLO], &bytes[..]].concat());
        }
    }

    #[test]
    fn alert_is_no_server_hello() {
        assert_eq!(server(&[21, 3, 1, 0, 2, 2, 70]), None);
    }

    #[test]
    fn version_and_suite_of_server_hello_are_parsed() {
        let body = [&[3, 2][..], &[7; 32], &[1, 9], &[0xc0, 0x13], &[0]].concat();
        let message = [&[SERVER_HELLO, 0, 0, body.len() as u8][..], &body].concat();
        let record = [&[HANDSHAKE, 3, 2, 0, message.len() as u8][..], &message].concat();
        assert_eq!(server(&record), Some((TlsVersion::V1_1, 0xc013)));
    }
}
