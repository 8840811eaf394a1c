//! Panels of a dashboard as HTML, from their JSON and the answers of Prometheus: unit, thresholds,
//! mappings, legend and columns as Grafana takes them.

use std::fmt::Write as _;

use serde_json::Value;

/// Colors of Grafana's names.
const COLORS: [(&str, &str); 6] = [
    ("red", "#e02f44"),
    ("orange", "#ff780a"),
    ("yellow", "#eab839"),
    ("green", "#299c46"),
    ("blue", "#3274d9"),
    ("text", "#ccccdc"),
];
/// Colors of series, one after the other.
const PALETTE: [&str; 8] =
    ["#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0"];
/// Height of a unit of the grid, in pixels.
const UNIT: u64 = 38;
/// Size of a graph's drawing, which is stretched to its panel.
const GRAPH: (f64, f64) = (1000.0, 300.0);
/// Style of the page.
const STYLE: &str = "body{margin:8px;background:#111217;color:#ccccdc;font:13px sans-serif}
#row{display:grid;grid-template-columns:repeat(24,1fr);gap:8px}
.panel{background:#181b1f;border:1px solid #2c3235;padding:6px;overflow:hidden;display:flex;flex-direction:column}
h2{font-size:13px;margin:0 0 4px;font-weight:500}h1{font-size:16px;margin:4px 0 10px}
.stats{flex:1;display:flex;gap:4px}.stat{flex:1;display:flex;flex-direction:column;align-items:center;justify-content:center;font-size:24px;color:#fff}
.stat small{font-size:12px}.bar{display:grid;grid-template-columns:40% 1fr 20%;gap:6px;align-items:center;margin:2px 0}
.bar b{display:block;height:14px}table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:3px 6px;border-bottom:1px solid #2c3235}
svg{flex:1;width:100%;min-height:0;background:#141619}.legend span{margin-right:10px}";

/// What Prometheus answered to a query of a panel.
pub struct Answer {
    /// Legend of its series, with names of labels in braces.
    pub legend: String,
    /// Series: labels, and values with their times.
    pub series: Vec<(Value, Vec<(f64, f64)>)>,
}

/// A page of a row's panels.
pub fn page(title: &str, panels: &[(&Value, Vec<Answer>)]) -> String {
    let mut page = format!(
        "<!doctype html><meta charset=utf-8><style>{STYLE}</style><h1>{title}</h1><div id=row>"
    );
    let top = panels.iter().filter_map(|(panel, _)| panel["gridPos"]["y"].as_u64()).min();
    for (panel, answers) in panels {
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_default();
        let _ = write!(
            page,
            "<div class=panel style='grid-column:{}/span {};grid-row:{}/span {};height:{}px'><h2>{}</h2>{}</div>",
            at("x") + 1,
            at("w"),
            at("y") - top.unwrap_or_default() + 1,
            at("h"),
            at("h") * UNIT - 20,
            escaped(panel["title"].as_str().unwrap_or_default()),
            body(panel, answers)
        );
    }
    page + "</div>"
}

/// Height of a page of these panels, in pixels.
pub fn height(panels: &[(&Value, Vec<Answer>)]) -> u64 {
    let at = |panel: &Value, key: &str| panel["gridPos"][key].as_u64().unwrap_or_default();
    let ends = panels.iter().map(|(panel, _)| at(panel, "y") + at(panel, "h"));
    let tops = panels.iter().map(|(panel, _)| at(panel, "y"));
    (ends.max().unwrap_or_default() - tops.min().unwrap_or_default()) * UNIT + 60
}

fn body(panel: &Value, answers: &[Answer]) -> String {
    match panel["type"].as_str() {
        Some("timeseries") => graph(panel, answers),
        Some("table") => table(panel, answers),
        Some("bargauge") => bars(panel, answers),
        _ => stats(panel, answers),
    }
}

/// Series with their names and last values.
fn last(answers: &[Answer]) -> Vec<(String, f64)> {
    let named = answers.iter().flat_map(|answer| {
        answer
            .series
            .iter()
            .filter_map(|(labels, values)| Some((name(&answer.legend, labels), values.last()?.1)))
    });
    named.collect()
}

fn name(legend: &str, labels: &Value) -> String {
    let mut name = legend.to_owned();
    for (label, value) in labels.as_object().into_iter().flatten() {
        name = name.replace(&format!("{{{{{label}}}}}"), value.as_str().unwrap_or_default());
    }
    name
}

fn stats(panel: &Value, answers: &[Answer]) -> String {
    let all = last(answers);
    let is_named = all.len() > 1 || panel["options"]["textMode"] == "value_and_name";
    let is_background = panel["options"]["colorMode"] == "background";
    let mut html = "<div class=stats>".to_owned();
    for (name, value) in &all {
        let color = color(panel, *value);
        let style = if is_background { "background" } else { "color" };
        let small =
            if is_named { format!("<small>{}</small>", escaped(name)) } else { String::new() };
        let text = shown(&panel["fieldConfig"]["defaults"], *value);
        let _ = write!(html, "<div class=stat style='{style}:{color}'>{small}{text}</div>");
    }
    html + "</div>"
}

fn bars(panel: &Value, answers: &[Answer]) -> String {
    let all = last(answers);
    let most = all.iter().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max);
    let mut html = String::new();
    for (name, value) in &all {
        let width = (value / most * 100.0).clamp(1.0, 100.0);
        let _ = write!(
            html,
            "<div class=bar><span>{}</span><b style='width:{width:.0}%;background:{}'></b><span>{}</span></div>",
            escaped(name),
            color(panel, *value),
            shown(&panel["fieldConfig"]["defaults"], *value)
        );
    }
    html
}

fn table(panel: &Value, answers: &[Answer]) -> String {
    let organize = &panel["transformations"][0]["options"];
    let mut columns: Vec<(u64, String, String)> = organize["indexByName"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, index)| {
            let heading = organize["renameByName"][key].as_str().unwrap_or(key).to_owned();
            (index.as_u64().unwrap_or_default(), key.clone(), heading)
        })
        .collect();
    columns.sort();
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (labels, values) in answers.iter().flat_map(|answer| &answer.series) {
        let cell = |(_, key, heading): &(u64, String, String)| match key.as_str() {
            "Value" => {
                let value = values.last().map_or(0.0, |(_, value)| *value);
                shown(&overridden(panel, heading), value)
            }
            key => escaped(labels[key].as_str().unwrap_or_default()),
        };
        rows.push(columns.iter().map(cell).collect());
    }
    rows.sort();
    let row = |cells: Vec<String>, kind: &str| {
        let cells = cells.iter().map(|cell| format!("<{kind}>{cell}</{kind}>"));
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let headings = columns.iter().map(|(_, _, heading)| escaped(heading)).collect();
    let rows: String = rows.into_iter().map(|cells| row(cells, "td")).collect();
    format!("<table>{}{rows}</table>", row(headings, "th"))
}

/// Field configuration of a column or series.
fn overridden(panel: &Value, heading: &str) -> Value {
    let mut defaults = panel["fieldConfig"]["defaults"].clone();
    let overrides = panel["fieldConfig"]["overrides"].as_array().into_iter().flatten();
    for one in overrides.filter(|one| one["matcher"]["options"] == heading) {
        for property in one["properties"].as_array().into_iter().flatten() {
            if let Some(id) = property["id"].as_str() {
                defaults[id] = property["value"].clone();
            }
        }
    }
    defaults
}

fn graph(panel: &Value, answers: &[Answer]) -> String {
    let mut series: Vec<(String, &Vec<(f64, f64)>)> = Vec::new();
    for answer in answers {
        let named =
            answer.series.iter().map(|(labels, values)| (name(&answer.legend, labels), values));
        series.extend(named);
    }
    let all = || series.iter().flat_map(|(_, values)| values.iter());
    let (first, end) = all()
        .fold((f64::MAX, f64::MIN), |(first, end), (time, _)| (first.min(*time), end.max(*time)));
    let most = all().map(|(_, value)| *value).fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    let (width, height) = GRAPH;
    let mut lines = String::new();
    let mut legend = String::new();
    for ((name, values), color) in series.iter().zip(PALETTE.into_iter().cycle()) {
        let fixed = overridden(panel, name)["color"]["fixedColor"].as_str().and_then(named_color);
        let color = fixed.unwrap_or(color);
        let point = |(time, value): &(f64, f64)| {
            let x = (time - first) / (end - first).max(1.0) * width;
            format!("{x:.1},{:.1}", height - value / most * height)
        };
        let points: Vec<String> = values.iter().map(point).collect();
        let points = points.join(" ");
        let _ = write!(
            lines,
            "<polyline fill=none stroke='{color}' stroke-width=3 points='{points}'/>"
        );
        let now = values.last().map_or(0.0, |(_, value)| *value);
        let now = shown(&panel["fieldConfig"]["defaults"], now);
        let _ = write!(legend, "<span style='color:{color}'>{} {now}</span>", escaped(name));
    }
    format!(
        "<svg viewBox='0 0 {width} {height}' preserveAspectRatio=none>{lines}</svg><div class=legend>{legend}</div>"
    )
}

/// Color of a value by the panel's thresholds.
fn color(panel: &Value, value: f64) -> &'static str {
    let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array();
    let reached = steps
        .into_iter()
        .flatten()
        .rfind(|step| step["value"].as_f64().is_none_or(|threshold| value >= threshold));
    let named = reached.and_then(|step| step["color"].as_str()).unwrap_or_default();
    named_color(named).unwrap_or("#8e8e8e")
}

fn named_color(name: &str) -> Option<&'static str> {
    COLORS.iter().find(|(known, _)| *known == name).map(|(_, color)| *color)
}

/// A value with its unit, or the text that it is mapped to.
fn shown(field: &Value, value: f64) -> String {
    let mapped = &field["mappings"][0]["options"][format!("{value}")]["text"];
    if let Some(text) = mapped.as_str() {
        return escaped(text);
    }
    match field["unit"].as_str() {
        Some("percentunit") => format!("{:.0} %", value * 100.0),
        Some("s") => span(value),
        Some("reqps") => format!("{value:.2} req/s"),
        Some("ops") => format!("{value:.2} ops/s"),
        _ if value.fract() == 0.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

fn span(seconds: f64) -> String {
    let units = [
        (31_557_600.0, "years"),
        (604_800.0, "weeks"),
        (86_400.0, "days"),
        (3600.0, "hours"),
        (60.0, "mins"),
        (1.0, "s"),
    ];
    let unit = units.into_iter().find(|(length, _)| seconds.abs() >= *length);
    match unit {
        Some((length, name)) => format!("{:.1} {name}", seconds / length),
        None => format!("{:.0} ms", seconds * 1000.0),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn value_has_the_unit_the_color_and_the_text_of_its_panel() {
        let panel = json!({"fieldConfig": {"defaults": {
            "unit": "s",
            "mappings": [{"type": "value", "options": {"1": {"text": "leader"}}}],
            "thresholds": {"steps": [{"color": "red", "value": null}, {"color": "green", "value": 60}]},
        }}});
        let defaults = &panel["fieldConfig"]["defaults"];
        assert_eq!((shown(defaults, 1.0), color(&panel, 1.0)), ("leader".into(), "#e02f44"));
        assert_eq!(
            (shown(defaults, 172_800.0), color(&panel, 60.0)),
            ("2.0 days".into(), "#299c46")
        );
        assert_eq!(shown(&json!({"unit": "percentunit"}), 0.84), "84 %");
    }

    #[test]
    fn series_has_the_color_that_its_name_is_given() {
        let panel = json!({"type": "timeseries", "fieldConfig": {"defaults": {}, "overrides": [{
            "matcher": {"id": "byName", "options": "critical"},
            "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}],
        }]}});
        let series = |severity: &str| (json!({"severity": severity}), vec![(0.0, 1.0)]);
        let series = vec![series("critical"), series("other")];
        let html = body(&panel, &[Answer { legend: "{{severity}}".into(), series }]);
        assert!(html.contains("<span style='color:#e02f44'>critical 1</span>"), "{html}");
        assert!(
            html.contains(&format!("<span style='color:{}'>other 1</span>", PALETTE[1])),
            "{html}"
        );
    }

    #[test]
    fn table_has_the_columns_of_its_transformation() {
        let panel = json!({"type": "table", "fieldConfig": {"defaults": {}}, "transformations": [{"options": {
            "indexByName": {"control": 0, "severity": 1},
            "renameByName": {"control": "Control", "severity": "Severity"},
        }}]});
        let labels = json!({"control": "TLS-01", "severity": "<high>", "section": "tls"});
        let answer = Answer { legend: String::new(), series: vec![(labels, vec![(0.0, 1.0)])] };
        let html = body(&panel, &[answer]);
        assert_eq!(
            html,
            "<table><tr><th>Control</th><th>Severity</th></tr><tr><td>TLS-01</td><td>&lt;high&gt;</td></tr></table>"
        );
    }
}
