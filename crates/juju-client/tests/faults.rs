//! What a controller, or what is taken for one, may do wrong.

use std::io::Read as _;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use juju_client::{ConnectError, Connection, Endpoint, Error, Login, Password, Target, Trust};
use juju_sim::Juju;
use juju_sim::controller::{Certificate, Controller, State, Wire};

fn start(certificate: Certificate) -> Controller {
    Controller::start_with(State::new(Juju::V3_6, "admin-pw"), certificate).unwrap()
}

fn endpoint(controller: &Controller) -> Endpoint {
    Endpoint {
        addresses: vec![controller.address().into()],
        trust: Trust::Authority(controller.authority().into()),
    }
}

fn login() -> Login {
    let login = Login::new("admin", Password::new("admin-pw")).unwrap();
    login.within(Duration::from_secs(2))
}

fn open(endpoint: &Endpoint) -> Result<Connection, Error> {
    Connection::open(endpoint, &Target::Controller, &login())
}

fn reason(error: Error) -> ConnectError {
    match error {
        Error::Connect(mut attempts) => attempts.pop().unwrap().why,
        other => panic!("{other}"),
    }
}

#[test]
fn another_authority_is_not_trusted() {
    let (one, other) = (start(Certificate::Good), start(Certificate::Good));
    let crossed = Endpoint { trust: Trust::Authority(other.authority().into()), ..endpoint(&one) };
    let error = open(&crossed).unwrap_err();
    assert!(!error.is_temporary());
    assert!(matches!(reason(error), ConnectError::UnknownAuthority));
    let public = Endpoint { trust: Trust::Public, ..endpoint(&one) };
    match open(&public).unwrap_err() {
        // A machine without ca-certificates.
        Error::Authority(why) => assert!(why.contains("ca-certificates"), "{why}"),
        error => assert!(matches!(reason(error), ConnectError::UnknownAuthority)),
    }
}

#[test]
fn certificate_expired_or_for_another_host_is_refused() {
    let why = reason(open(&endpoint(&start(Certificate::Expired))).unwrap_err());
    assert!(matches!(why, ConnectError::Expired), "{why}");
    let why = reason(open(&endpoint(&start(Certificate::OtherName))).unwrap_err());
    assert_eq!(why.to_string(), "its certificate is not for juju-apiserver");
}

#[test]
fn invalid_authority_is_reported() {
    for (pem, expected) in [
        ("", "no PEM certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "unusable"),
        ("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n", "unusable"),
    ] {
        let endpoint =
            Endpoint { addresses: vec!["127.0.0.1:1".into()], trust: Trust::Authority(pem.into()) };
        let text = open(&endpoint).unwrap_err().to_string();
        assert!(text.contains(expected), "{pem:?}: {text}");
    }
}

#[test]
fn port_without_tls_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            use std::io::Write as _;
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\nthis is no TLS at all");
        }
    });
    let endpoint = Endpoint {
        addresses: vec![address.clone()],
        trust: Trust::Authority(start(Certificate::Good).authority().into()),
    };
    let error = open(&endpoint).unwrap_err().to_string();
    assert!(error.contains(&address) && error.contains("does not speak TLS"), "{error}");
}

#[test]
fn first_answering_address_is_used_and_failed_ones_are_named() {
    let controller = start(Certificate::Good);
    let silent = start(Certificate::Good);
    silent.behave(Wire::Silent);
    let mut endpoint = endpoint(&controller);
    let closed = "127.0.0.1:1".to_owned();
    endpoint.addresses.insert(0, silent.address().to_owned());
    endpoint.addresses.insert(0, closed.clone());
    let before = Instant::now();
    open(&endpoint).unwrap();
    assert!(before.elapsed() < Duration::from_secs(2), "it waited for the silent one");

    endpoint.addresses.pop();
    let error = open(&endpoint).unwrap_err();
    assert!(error.is_temporary());
    let text = error.to_string();
    for part in [&closed, silent.address(), "refused", "no answer in time"] {
        assert!(text.contains(part), "{text}");
    }
    endpoint.addresses.clear();
    assert!(matches!(open(&endpoint), Err(Error::Address(_))));
}

#[test]
fn slow_answer_times_out() {
    for wire in [Wire::Silent, Wire::SilentAfterLogin, Wire::Trickle] {
        let controller = start(Certificate::Good);
        controller.behave(wire);
        let before = Instant::now();
        let error = match open(&endpoint(&controller)) {
            Ok(mut connection) => connection.users().unwrap_err(),
            Err(error) => error,
        };
        assert!(error.is_temporary(), "{wire:?}: {error}");
        assert!(before.elapsed() < Duration::from_secs(6), "{wire:?} took {:?}", before.elapsed());
    }
}

#[test]
fn malformed_answer_is_an_error() {
    for (wire, expected) in [
        (Wire::Garbage, "not understood: Syntax error"),
        (Wire::Giant, "message too long"),
        (Wire::OtherTypes, "not understood: Data error"),
        (Wire::Redirect, "moved to another controller at 198.51.100.7:17070"),
        (Wire::Busy, "try again"),
    ] {
        let controller = start(Certificate::Good);
        controller.behave(wire);
        let within = login().within(Duration::from_secs(20));
        let error = Connection::open(&endpoint(&controller), &Target::Controller, &within);
        let text = error.unwrap_err().to_string().to_lowercase();
        assert!(text.contains(&expected.to_lowercase()), "{wire:?}: {text}");
    }
    let controller = start(Certificate::Good);
    let mut connection = open(&endpoint(&controller)).unwrap();
    controller.behave(Wire::OtherTypes);
    let text = connection.users().unwrap_err().to_string();
    assert!(text.contains("UserManager.UserInfo is not understood"), "{text}");
}

#[test]
fn closed_connection_is_a_retryable_error() {
    let controller = start(Certificate::Good);
    let mut connection = open(&endpoint(&controller)).unwrap();
    controller.behave(Wire::Close);
    let error = connection.users().unwrap_err();
    assert!(matches!(error, Error::Closed { .. }), "{error}");
    assert!(error.is_temporary());
}

#[test]
fn upgrading_controller_is_a_retryable_error() {
    let controller = start(Certificate::Good);
    controller.change(|state| state.upgrading = true);
    let error = open(&endpoint(&controller)).unwrap_err();
    assert!(error.is_temporary(), "{error}");
    assert!(error.to_string().contains("maintenance in progress"), "{error}");
}

#[test]
fn wrong_path_and_unknown_model_are_reported() {
    let controller = start(Certificate::Good);
    let target = Target::Model("00000000-0000-0000-0000-000000000000".into());
    let error = Connection::open(&endpoint(&controller), &target, &login()).unwrap_err();
    assert!(error.to_string().contains("unknown model"), "{error}");
}

#[test]
fn missing_password_and_invalid_name_are_refused() {
    let controller = start(Certificate::Good);
    let empty = Login::new("admin", Password::default()).unwrap();
    let error = Connection::open(&endpoint(&controller), &Target::Controller, &empty);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("wants a login elsewhere"), "{text}");
    for name in ["", "bad name", "-x", "a@", "@b", "a/b", "a\nb", "Ünal"] {
        let refused = Login::new(name, Password::default());
        assert!(matches!(refused, Err(Error::UserName(_))), "{name:?}");
    }
    for name in ["a", "bob", "First.Last+tag", "bob@external", "b-1"] {
        assert!(Login::new(name, Password::default()).is_ok(), "{name:?}");
    }
}
