//! The client against a real registry, and against what registries do wrong.

use std::sync::Once;
use std::time::{Duration, Instant};

use oci_registry::{Client, Credentials, Digest, Error, Limits, Settings};
use registry_sandbox::{Answer, Front, Image, Registry, Request, sha256};

/// A client that may ask on loopback, where the tests' registries are.
fn client(settings: Settings) -> Client {
    strict(Settings { local: vec!["127.0.0.1".into()], ..settings })
}

/// A client that may not.
fn strict(settings: Settings) -> Client {
    static TLS: Once = Once::new();
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::new(settings).unwrap()
}

fn rock(version: &str) -> Image {
    Image::default().file("usr/bin/dex", vec![7; 200_000]).layer().file(
        "usr/share/rocks/dpkg.query",
        format!("# dpkg-query\nii ,libc6,{version},glibc,{version}\n"),
    )
}

fn files(
    client: &Client,
    repository: &str,
    reference: &str,
    limits: Limits,
) -> Result<Vec<String>, Error> {
    let image = client.image(repository, reference)?;
    let mut found = Vec::new();
    for layer in &image.manifest.layers {
        client.layer(repository, layer, limits)?.files(
            1 << 20,
            |path| path.ends_with("dpkg.query"),
            |path, content| found.push(format!("{path} {}", content.len())),
        )?;
    }
    Ok(found)
}

#[test]
fn real_registry_is_read_in_all_its_forms() {
    let registry = Registry::start().unwrap();
    let client = client(Settings::default());
    let (oci, docker) = (rock("2.35-0ubuntu3.8"), rock("2.39").docker());
    let digest = registry.push("charmedkubeflow/dex", "1.0-abcdef1", &oci).unwrap();
    let other = registry.push("charmedkubeflow/dex", "docker", &docker).unwrap();
    let index = registry
        .push_index("charmedkubeflow/dex", "all", &[("arm64", &docker), ("amd64", &oci)])
        .unwrap();
    let repository = format!("{}/charmedkubeflow/dex", registry.address());

    assert_eq!(client.digest(&repository, "1.0-abcdef1").unwrap().as_str(), digest);
    assert_eq!(client.digest(&repository, "docker").unwrap().as_str(), other);
    assert_eq!(client.digest(&repository, "all").unwrap().as_str(), index);
    let image = client.image(&repository, "all").unwrap();
    assert_eq!(image.digest.as_str(), index);
    assert_eq!(image.manifest_digest.as_str(), digest);
    let config = client.config(&repository, &image).unwrap();
    assert_eq!(config.created.unwrap().to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(config.user, "584792");
    for reference in ["1.0-abcdef1", "docker", &digest] {
        let found = files(&client, &repository, reference, Limits::default()).unwrap();
        assert_eq!(found.len(), 1, "{reference}: {found:?}");
    }
    // A tag that moves leads elsewhere.
    let moved = registry.push("charmedkubeflow/dex", "1.0-abcdef1", &rock("9")).unwrap();
    assert_ne!(moved, digest);
    assert_eq!(client.digest(&repository, "1.0-abcdef1").unwrap().as_str(), moved);

    let missing = client.digest(&repository, "2.0").unwrap_err();
    assert_eq!(missing, Error::NotFound(format!("{repository}:2.0")));
    let signatures = client.signatures(&repository, &digest.parse().unwrap()).unwrap();
    assert!(!signatures.signed && !signatures.attested);
    let tag = format!("sha256-{}.sig", &digest["sha256:".len()..]);
    registry.push("charmedkubeflow/dex", &tag, &Image::default()).unwrap();
    let signatures = client.signatures(&repository, &digest.parse().unwrap()).unwrap();
    assert!(signatures.signed && !signatures.attested);

    // A mirror stands for Docker's own registry.
    let mirrored = Settings {
        mirrors: vec![format!("docker.io={}", registry.address()).parse().unwrap()],
        ..Settings::default()
    };
    let digest = self::client(mirrored).digest("docker.io/charmedkubeflow/dex", "docker");
    assert_eq!(digest.unwrap().as_str(), other);
}

#[test]
fn token_is_fetched_once_and_sent_to_its_host_only() {
    let registry = Registry::start().unwrap();
    let digest = registry.push("a/b", "1", &rock("1")).unwrap();
    // Blobs are elsewhere, as with Docker's own registry.
    let elsewhere =
        Front::start(registry.address(), |request| match request.headers.get("authorization") {
            Some(_) => Answer::With(400, vec![], b"only one auth mechanism allowed".to_vec()),
            None => Answer::Through,
        })
        .unwrap();
    let store = elsewhere.address().to_owned();
    let tokens = Front::start("", |request| {
        let is_robot = request
            .headers
            .get("authorization")
            .is_some_and(|text| text == "Basic cm9ib3Q6czNjcmV0");
        match is_robot && request.path.contains("scope=repository%3Aa%2Fb%3Apull") {
            true => Answer::With(200, vec![], br#"{"token": "t0ken-of-the-robot"}"#.to_vec()),
            false => Answer::With(401, vec![], vec![]),
        }
    })
    .unwrap();
    let realm = format!("http://{}/token", tokens.address());
    let front = Front::start(registry.address(), move |request: &Request| {
        match request.headers.get("authorization").map(String::as_str) {
            Some("Bearer t0ken-of-the-robot") if request.path.contains("/blobs/") => {
                let there = format!("http://{store}{}", request.path);
                Answer::With(307, vec![("location", there)], vec![])
            }
            Some("Bearer t0ken-of-the-robot") => Answer::Through,
            _ => {
                let challenge =
                    format!(r#"Bearer realm="{realm}",service="r",scope="repository:a/b:pull""#);
                Answer::With(401, vec![("www-authenticate", challenge)], vec![])
            }
        }
    })
    .unwrap();
    let repository = format!("{}/a/b", front.address());
    let config = format!(
        r#"{{"auths": {{"{}": {{"username": "robot", "password": "s3cret"}}}}}}"#,
        front.address()
    );
    let with = client(Settings {
        credentials: Credentials::parse(&config).unwrap(),
        ..Settings::default()
    });
    assert_eq!(with.digest(&repository, "1").unwrap().as_str(), digest);
    assert_eq!(files(&with, &repository, "1", Limits::default()).unwrap().len(), 1);
    assert_eq!(tokens.seen().len(), 1);
    assert!(!elsewhere.seen().is_empty());
    assert!(elsewhere.seen().iter().all(|request| !request.headers.contains_key("authorization")));
    assert!(!format!("{with:?}").contains("t0ken") && !format!("{with:?}").contains("s3cret"));

    let without = client(Settings::default()).digest(&repository, "1").unwrap_err();
    assert!(matches!(&without, Error::Denied { .. }), "{without}");
    assert!(without.to_string().contains(front.address()));
}

#[test]
fn misbehaving_registry_is_reported_and_bounded() {
    let registry = Registry::start().unwrap();
    let image = rock("1");
    let digest = registry.push("a/b", "1", &image).unwrap();
    let (manifest, blobs) = image.build().unwrap();
    let fault = |answer: fn(&Request, usize) -> Answer| {
        let count = std::sync::atomic::AtomicUsize::new(0);
        Front::start(registry.address(), move |request| {
            answer(request, count.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
        })
        .unwrap()
    };
    let settings = || Settings {
        timeout: Duration::from_secs(2),
        deadline: Instant::now() + Duration::from_secs(6),
        ..Settings::default()
    };
    let ask = |front: &Front| client(settings()).digest(&format!("{}/a/b", front.address()), "1");

    // Once is forgiven, twice is reported.
    let once = fault(|_, count| match count {
        0 => Answer::With(500, vec![], vec![]),
        _ => Answer::Through,
    });
    assert_eq!(ask(&once).unwrap().as_str(), digest);
    let twice = fault(|_, _| Answer::With(503, vec![], vec![]));
    assert!(matches!(ask(&twice), Err(Error::Server { status: 503, .. })));
    assert_eq!(twice.seen().len(), 2);
    let soon = fault(|_, count| match count {
        0 => Answer::With(429, vec![("retry-after", "1".into())], vec![]),
        _ => Answer::Through,
    });
    assert_eq!(ask(&soon).unwrap().as_str(), digest);
    let late = fault(|_, _| Answer::With(429, vec![("retry-after", "3600".into())], vec![]));
    let limited = ask(&late).unwrap_err();
    assert!(limited.to_string().contains("3600 s"), "{limited}");
    assert_eq!(late.seen().len(), 1);
    let refuses =
        fault(|_, _| Answer::With(401, vec![("www-authenticate", "Basic realm=x".into())], vec![]));
    assert!(matches!(ask(&refuses), Err(Error::Denied { .. })));
    let silent = fault(|_, _| Answer::Silence(Duration::from_secs(30)));
    let started = Instant::now();
    assert!(matches!(ask(&silent), Err(Error::TimedOut { .. })));
    assert!(started.elapsed() < Duration::from_secs(10));
    let gone = client(settings()).digest("127.0.0.1:9/a/b", "1").unwrap_err();
    assert!(matches!(&gone, Error::Unreachable { .. }), "{gone}");

    // An endless manifest is not read to its end.
    let endless = fault(|request, _| match request.path.contains("manifests") {
        true => Answer::Flood(vec![], 4 << 30),
        false => Answer::Through,
    });
    let image_of = |front: &Front, reference: &str| {
        client(settings()).image(&format!("{}/a/b", front.address()), reference)
    };
    assert!(matches!(image_of(&endless, "1"), Err(Error::TooLarge { .. })));
    // Neither one is taken that is another than was asked for,
    let wanted = Digest::of(&manifest);
    let other =
        fault(|_, _| Answer::With(200, vec![], br#"{"config": {}, "layers": []}"#.to_vec()));
    assert!(matches!(image_of(&other, wanted.as_str()), Err(Error::OtherDigest { .. })));
    // nor an index that leads to itself,
    let looped = fault(|_, _| {
        let own = sha256(b"x");
        let index = format!(
            r#"{{"manifests": [{{"digest": "{own}", "size": 1, "platform": {{"os": "linux", "architecture": "amd64"}}}}]}}"#
        );
        Answer::With(200, vec![], index.into_bytes())
    });
    assert!(matches!(image_of(&looped, "1"), Err(Error::OtherDigest { .. })));
    // nor words.
    let words = fault(|_, _| Answer::With(200, vec![], b"<html>log in</html>".to_vec()));
    assert!(matches!(image_of(&words, "1"), Err(Error::Malformed { .. })));

    // Layers: cut off, of another content, larger than is read.
    let layer = blobs[0].bytes.clone();
    let cut =
        Front::start(registry.address(), move |request| match request.path.contains("blobs") {
            true => Answer::Cut(layer.clone(), layer.len() / 2),
            false => Answer::Through,
        })
        .unwrap();
    let walk = |front: &Front, limits: Limits| {
        files(&client(settings()), &format!("{}/a/b", front.address()), "1", limits)
    };
    let broken = walk(&cut, Limits::default()).unwrap_err();
    assert!(matches!(&broken, Error::Unreachable { .. }), "{broken}");
    let swapped = blobs[1].bytes.clone();
    let other =
        Front::start(registry.address(), move |request| match request.path.contains("blobs") {
            true => Answer::With(200, vec![], swapped.clone()),
            false => Answer::Through,
        })
        .unwrap();
    assert!(matches!(walk(&other, Limits::default()), Err(Error::OtherDigest { .. })));
    let through = fault(|_, _| Answer::Through);
    let small = Limits { unpacked: 100_000, ..Limits::default() };
    assert!(matches!(walk(&through, small), Err(Error::TooLarge { limit: 100_000, .. })));
    let few = Limits { compressed: 100, ..Limits::default() };
    assert!(matches!(walk(&through, few), Err(Error::TooLarge { limit: 100, .. })));
}

#[test]
fn compression_bomb_is_not_unpacked() {
    // Gigabytes of zeros in a few kilobytes: the file claims to be large, and is.
    let registry = Registry::start().unwrap();
    let bomb = Image::default().file("zeros", vec![0; 64 << 20]);
    registry.push("a/bomb", "1", &bomb).unwrap();
    let repository = format!("{}/a/bomb", registry.address());
    let limits = Limits { unpacked: 32 << 20, ..Limits::default() };
    let refused = files(&client(Settings::default()), &repository, "1", limits).unwrap_err();
    assert!(refused.to_string().contains("larger than 33554432 bytes"), "{refused}");
}

#[test]
fn registry_redirect_elsewhere_is_refused() {
    let registry = Registry::start().unwrap();
    let digest = registry.push("a/b", "1", &rock("1")).unwrap();
    let inside = Front::start("", |_| {
        Answer::With(200, vec![], b"{\"token\": \"t\", \"secret\": 1}".to_vec())
    })
    .unwrap();
    let there = format!("http://{}", inside.address());
    let login = |front: &Front| {
        let config = format!(
            r#"{{"auths": {{"{}": {{"username": "robot", "password": "s3cret"}}}}}}"#,
            front.address()
        );
        Credentials::parse(&config).unwrap()
    };
    // Named by an option itself, it may not lead to what listens beside it.
    let named = |front: &Front| {
        strict(Settings {
            local: vec![front.address().to_owned()],
            credentials: login(front),
            ..Settings::default()
        })
    };
    let to = there.clone();
    let redirects = Front::start(registry.address(), move |request: &Request| {
        match request.path.contains("/blobs/") {
            true => {
                let place = format!("{to}/latest/meta-data/iam");
                Answer::With(307, vec![("location", place)], vec![])
            }
            false => Answer::Through,
        }
    })
    .unwrap();
    let repository = format!("{}/a/b", redirects.address());
    let asked = named(&redirects);
    assert_eq!(asked.digest(&repository, "1").unwrap().as_str(), digest);
    let image = asked.image(&repository, "1").unwrap();
    let refused = asked.config(&repository, &image).unwrap_err();
    assert!(matches!(&refused, Error::Refused { .. }), "{refused}");
    let to = there.clone();
    let realm = Front::start(registry.address(), move |_: &Request| {
        let challenge = format!(r#"Bearer realm="{to}/any?delete=all",service="r""#);
        Answer::With(401, vec![("www-authenticate", challenge)], vec![])
    })
    .unwrap();
    let refused = named(&realm).digest(&format!("{}/a/b", realm.address()), "1").unwrap_err();
    assert!(matches!(&refused, Error::Denied { .. }), "{refused}");
    assert!(inside.seen().is_empty(), "{:?}", inside.seen());
    // And one that no option names is not asked at all.
    let nobody_s = strict(Settings::default());
    for host in
        [registry.address().to_owned(), registry.address().replace("127.0.0.1", "localhost")]
    {
        let refused = nobody_s.digest(&format!("{host}/a/b"), "1").unwrap_err();
        assert!(matches!(&refused, Error::Refused { .. }), "{refused}");
    }
    assert_eq!(nobody_s.requests(), 0);
}

#[test]
fn slow_registry_leaves_time_for_others() {
    let silent = Front::start("", |_| Answer::Silence(Duration::from_secs(30))).unwrap();
    let registry = Registry::start().unwrap();
    registry.push("a/b", "1", &rock("1")).unwrap();
    let client = client(Settings { per_host: Duration::from_secs(1), ..Settings::default() });
    let started = Instant::now();
    for _ in 0..5 {
        let late = client.digest(&format!("{}/a/b", silent.address()), "1");
        assert!(matches!(late, Err(Error::TimedOut { .. })));
    }
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    client.digest(&format!("{}/a/b", registry.address()), "1").unwrap();
}
