//! What arrives in COS: whose metrics its Prometheus has, and what collectors say that they lost.

pub use ckf_model::telemetry::*;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::Facts;
use super::known::{Known, Unknown};
use super::reachable::HostPort;

/// Largest accepted response, in bytes.
const LARGEST_RESPONSE: u64 = 8 << 20;
/// What a collector of OpenTelemetry loses: refused by its queue, or given up after retries.
const STEPS: [&str; 2] = ["send", "enqueue"];
const SIGNALS: [&str; 3] = ["log_records", "metric_points", "spans"];
/// What others lose that write to a Prometheus remotely.
const REMOTE_WRITE: &str = "prometheus_remote_storage_samples_failed_total";

/// A Prometheus to query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Its URL, with the path by which an ingress leads to it.
    pub url: String,
    /// Certificates of private CAs that it is verified by, PEM.
    pub authorities: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    status: String,
    #[serde(default)]
    error: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Data {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    metric: BTreeMap<String, String>,
    value: (f64, String),
}

impl Sample {
    fn label(&self, name: &str) -> String {
        self.metric.get(name).cloned().unwrap_or_default()
    }

    fn value(&self) -> f64 {
        self.value.1.parse().unwrap_or_default()
    }
}

/// A model of Juju, as its labels in Prometheus name it.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// Its name, which is its namespace's too.
    pub name: &'a str,
    /// Its UUID, if it is known: several controllers may have a model of the name.
    pub uuid: Option<&'a str>,
}

impl<'a> Model<'a> {
    /// The platform's model, as its namespace names it.
    pub fn of(facts: &'a Facts) -> Self {
        let name = facts.about.namespace.as_str();
        let Known::Known(all) = &facts.namespaces else { return Self { name, uuid: None } };
        let own = all.items.iter().find(|one| one.metadata.name == name);
        Self { name, uuid: own.and_then(|one| one.metadata.label("model.juju.is/id")) }
    }

    fn selector(self) -> String {
        let uuid = self.uuid.map(|uuid| format!(",juju_model_uuid={uuid:?}"));
        format!("juju_model={:?}{}", self.name, uuid.unwrap_or_default())
    }
}

/// Reads what a Prometheus has of a model. Blocks, and no longer than `within`.
pub fn read(source: &Source, model: Model<'_>, within: Duration) -> Known<Telemetry> {
    match Client::new(source, within).and_then(|client| client.read(&model.selector())) {
        Ok(telemetry) => Known::Known(telemetry),
        Err(why) => Known::Unknown(why),
    }
}

struct Client {
    http: reqwest::blocking::Client,
    url: reqwest::Url,
    at: String,
    deadline: Instant,
}

impl Client {
    fn new(source: &Source, within: Duration) -> Result<Self, Unknown> {
        let deadline = Instant::now() + within;
        crate::tls::install_provider();
        let failed = |why: String| Unknown::Failed(why);
        let at = HostPort::of_url(&source.url).map(|host| host.to_string());
        let at = at.ok_or_else(|| failed("its address is no URL".into()))?;
        // A redirect leads elsewhere than the operator said.
        let mut builder = reqwest::blocking::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ckf-hardening/", env!("CARGO_PKG_VERSION")));
        if let Some(pem) = &source.authorities {
            let all = reqwest::Certificate::from_pem_bundle(pem.as_bytes());
            let all = all.map_err(|why| failed(format!("its CA is no certificate: {why}")))?;
            builder = builder.tls_certs_merge(all);
        }
        let http = builder.build().map_err(|why| failed(why.to_string()))?;
        let url = format!("{}/api/v1/query", source.url.trim_end_matches('/'));
        let url = url.parse().map_err(|why| failed(format!("its address is no URL: {why}")))?;
        Ok(Self { http, url, at, deadline })
    }

    fn read(&self, of: &str) -> Result<Telemetry, Unknown> {
        let mut telemetry = Telemetry { at: self.at.clone(), ..Telemetry::default() };
        let units = "juju_application, juju_unit";
        // A unit with several endpoints is up if all of them are.
        for sample in self.query(&format!("min by ({units}) (up{{{of}}})"))? {
            let units = telemetry.scraped.entry(sample.label("juju_application")).or_default();
            units.insert(sample.label("juju_unit"), sample.value() > 0.0);
        }
        let alive = r#"__name__=~"otelcol_process_uptime.*|agent_build_info""#;
        let alive = self.query(&format!("count by ({units}) ({{{alive},{of}}})"))?;
        telemetry.collectors = alive.iter().map(|sample| sample.label("juju_unit")).collect();
        telemetry.collectors.sort();
        let mut losses = BTreeSet::new();
        for sample in self.query(&losses_of(of))? {
            let exporter = [sample.label("exporter"), sample.label("url")].concat();
            losses.insert(Loss {
                application: sample.label("juju_application"),
                unit: sample.label("juju_unit"),
                exporter,
                counter: sample.label("counter"),
            });
        }
        telemetry.losses = losses.into_iter().collect();
        let share = format!(
            "max by ({units}, exporter) (otelcol_exporter_queue_size{{{of}}} / otelcol_exporter_queue_capacity{{{of}}}) >= {}",
            f64::from(FULL) / 100.0
        );
        let mut full = BTreeSet::new();
        for sample in self.query(&share)? {
            full.insert(FullQueue {
                application: sample.label("juju_application"),
                unit: sample.label("juju_unit"),
                exporter: sample.label("exporter"),
            });
        }
        telemetry.full = full.into_iter().collect();
        Ok(telemetry)
    }

    fn query(&self, expression: &str) -> Result<Vec<Sample>, Unknown> {
        let failed = |why: String| Unknown::Failed(format!("{}: {why}", self.at));
        let mut form = self.url.clone();
        form.query_pairs_mut().append_pair("query", expression);
        let response = self.http.post(self.url.clone());
        let response = response
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned())
            .timeout(self.deadline.saturating_duration_since(Instant::now()))
            .send();
        let response = response.map_err(|error| match error.is_timeout() {
            true => Unknown::TimedOut(format!("no response from {} in time", self.at)),
            false => failed("unreachable, or its certificate is not trusted".into()),
        })?;
        let status = response.status();
        let mut text = String::new();
        let read = response.take(LARGEST_RESPONSE + 1).read_to_string(&mut text);
        read.map_err(|_| failed("the response is incomplete".into()))?;
        if text.len() as u64 > LARGEST_RESPONSE {
            return Err(failed(format!("the response is larger than {LARGEST_RESPONSE} bytes")));
        }
        // Prometheus says what is wrong with a query in the same form.
        match serde_json::from_str::<Response>(&text) {
            Ok(response) if response.status == "success" => Ok(response.data.result),
            Ok(response) if !response.error.is_empty() => {
                Err(failed(response.error.chars().take(300).collect()))
            }
            _ if status.is_success() => Err(failed("this is not Prometheus's API".into())),
            _ => Err(failed(format!("HTTP status {status}"))),
        }
    }
}

/// Counters that rose in the last hour, each in a label `counter`. One that began within it has
/// risen by all that it is.
fn losses_of(selector: &str) -> String {
    let otel = STEPS.iter().flat_map(|step| {
        SIGNALS.iter().flat_map(move |signal| {
            // Whether the suffix is there depends on how the collector's metrics travel.
            ["", "_total"].map(|suffix| format!("otelcol_exporter_{step}_failed_{signal}{suffix}"))
        })
    });
    let all = otel.chain([REMOTE_WRITE.to_owned()]);
    let rises = all.map(|name| {
        let series = format!("{name}{{{selector}}}");
        let short = name.strip_suffix("_total").unwrap_or(&name);
        format!(
            "label_replace(sum by (juju_application, juju_unit, exporter, url) \
             (({series} unless {series} offset 1h) or increase({series}[1h])) > 0, \
             \"counter\", \"{short}\", \"\", \"\")"
        )
    });
    rises.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prometheus_that_never_answers_costs_no_more_than_it_may() {
        // Connections wait in its queue.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let source = Source { url, authorities: None };
        let started = Instant::now();
        let model = Model { name: "kubeflow", uuid: None };
        let read = read(&source, model, Duration::from_millis(300));
        assert!(matches!(read, Known::Unknown(Unknown::TimedOut(_))), "{read:?}");
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }
}
