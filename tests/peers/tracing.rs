//! Traces of hooks, as a backend's library asks for them and OpenTelemetry's own messages hold them.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ckf_worlds::self_signed;
use juju_sim::{Event, Relation, Simulation};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::formats::python;
use crate::libraries::{Peer, hears, unit};

/// Longest wait for a trace.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a request and answers it; returns its path and body.
fn answer(stream: impl Read + Write) -> Option<(String, String)> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        match line.trim() {
            "" => break,
            line => head.push(line.to_lowercase()),
        }
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "))?;
    let mut body = vec![0; length.parse().ok()?];
    stream.read_exact(&mut body).ok()?;
    stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}").ok()?;
    let path = head.first()?.split(' ').nth(1)?.to_owned();
    Some((path, String::from_utf8(body).ok()?))
}

/// A receiver of traces, with TLS if there is a configuration of it.
fn receiver(config: Option<Arc<ServerConfig>>) -> (u16, mpsc::Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            let request = match &config {
                None => answer(stream),
                Some(config) => {
                    let session = ServerConnection::new(Arc::clone(config)).unwrap();
                    answer(StreamOwned::new(session, stream))
                }
            };
            if let Some(request) = request
                && sender.send(request).is_err()
            {
                return;
            }
        }
    });
    (port, received)
}

fn fire(unit: &mut Simulation, event: &Event) {
    let outcome = unit.run(event);
    assert!(outcome.committed(), "{outcome:?}");
}

#[test]
fn hooks_are_traced_where_a_backend_asks_for_it() {
    let (port, received) = receiver(None);
    let mut unit = unit();
    fire(&mut unit, &Event::hook("upgrade-charm"));
    let mut tempo = Peer::start_with("Tempo", &format!("http://127.0.0.1:{port}"));
    tempo.reads(&Relation::default());
    // What the charm writes leads to what the library answers.
    let asked = hears(&mut unit, 8, "charm-tracing", &json!({"application": {}, "unit": {}}));
    let shown = tempo.reads(&asked);
    assert_eq!(shown["requested"], json!(["otlp_http"]));
    assert!(received.try_recv().is_err(), "nothing is sent before");
    hears(&mut unit, 8, "charm-tracing", &shown);
    let (path, body) = received.recv_timeout(PATIENCE).unwrap();
    assert_eq!(path, "/v1/traces");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("trace.json");
    std::fs::write(&file, &body).unwrap();
    let script = "
import sys
from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
read = json_format.Parse(open(sys.argv[1]).read(), ExportTraceServiceRequest())
resource, = read.resource_spans
attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
spans = resource.scope_spans[0].spans
assert all(0 < s.start_time_unix_nano <= s.end_time_unix_nano for s in spans)
assert {s.parent_span_id for s in spans[1:]} == {spans[0].span_id}
print(attributes['juju_unit'], attributes['service.name'], spans[0].name, 'relations' in [s.name for s in spans])
";
    let shown = python(&["opentelemetry-proto==1.45.2"], "opentelemetry", script, &[&file]);
    assert_eq!(shown, "ckf-hardening/0 ckf-hardening charm-tracing-relation-changed True\n");
    let trace: Value = serde_json::from_str(&body).unwrap();
    let first = &trace["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(
        (first["traceId"].as_str().unwrap().len(), first["spanId"].as_str().unwrap().len()),
        (32, 16)
    );

    // Each hook is, until the relation goes.
    fire(&mut unit, &Event::hook("update-status"));
    assert!(received.recv_timeout(PATIENCE).unwrap().1.contains("update-status"));
    let broken = Event::relation(unit.model().relation(8).unwrap(), "broken", None);
    fire(&mut unit, &broken);
    unit.change(|model| model.relations.retain(|relation| relation.id != 8));
    fire(&mut unit, &Event::hook("update-status"));
    assert!(received.try_recv().is_err());
}

#[test]
fn receiver_over_tls_needs_an_authority_of_receive_ca_cert() {
    let pair = self_signed("localhost", 2035);
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (port, received) = receiver(Some(Arc::new(config)));
    let mut unit = unit();
    let answer = json!([{"protocol": {"name": "otlp_http", "type": "http"},
        "url": format!("https://localhost:{port}")}]);
    let answer = json!({"application": {"receivers": answer.to_string()}, "unit": {}});
    hears(&mut unit, 8, "charm-tracing", &answer);
    assert!(received.try_recv().is_err(), "no authority is trusted");
    // The library of one who sends its authority waits for our version.
    let mut sender = Peer::start("Sender");
    let created = sender.reads(&Relation::default());
    let asks = hears(&mut unit, 9, "receive-ca-cert", &created);
    assert_eq!(asks.application_data["version"], "1");
    let shown = sender.reads(&asks);
    hears(&mut unit, 9, "receive-ca-cert", &shown);
    assert!(received.try_recv().is_err(), "another authority is trusted");
    let sent = json!({"application": {"certificates": json!([pair.certificate]).to_string(), "version": "1"}, "unit": {}});
    hears(&mut unit, 9, "receive-ca-cert", &sent);
    assert_eq!(received.recv_timeout(PATIENCE).unwrap().0, "/v1/traces");
}
