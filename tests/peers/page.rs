//! The report page in a real browser: it reads without scripts, filters with them, and its
//! own policy lets it do no more.

use std::process::Command;

use ckf_hardening::catalog;
use ckf_hardening::facts::{About, Facts};
use ckf_hardening::policy::Policy;
use ckf_hardening::report::{Report, html};
use ckf_worlds::World;

/// The outcome of a page in the browser: its document, and what the console said.
fn browse(page: &str, more: &[&str]) -> (String, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("page.html");
    std::fs::write(&path, page).unwrap();
    let chromium = test_programs::debian::installed("chromium", "chromium").unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"])
        .args(["--enable-logging=stderr", "--v=0", "--timeout=120000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", directory.path().join("profile").display()))
        .args(more)
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let console = text(&output.stderr);
    let console = console.lines().filter(|line| line.contains("CONSOLE"));
    (text(&output.stdout), console.collect::<Vec<_>>().join("\n"))
}

fn page() -> String {
    let about = About {
        collected_at: "2026-11-25T12:00:00Z".parse().unwrap(),
        namespace: "kubeflow".into(),
    };
    let facts = Facts::from_objects(about, &World::stock("1.10").objects);
    let report = Report::audit(&facts, &Policy::default(), None, Vec::new());
    let past: Vec<(i64, [usize; 5])> =
        (0..90).map(|i| (i * 60, [1, 4, 9 + i as usize % 5, 6, 2])).collect();
    html::page(&report, &past)
}

#[test]
fn page_filters_by_its_script_within_its_own_csp() {
    let (document, console) = browse(&page(), &[]);
    assert_eq!(console, "");
    // The script has shown the form and counted.
    let all = catalog::controls().len();
    assert!(document.contains(&format!("{all} of {all} controls shown")), "{document}");
    assert!(document.contains("<form class=\"filter\">"), "{document}");
    assert!(document.contains("controls assessed."));
    assert!(document.contains("<polyline"));
}

#[test]
fn injected_script_does_not_run() {
    let evil = "<img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>";
    let page = page().replace("</main>", &format!("{evil}</main>"));
    let (document, console) = browse(&page, &[]);
    assert!(!document.contains("<title>run"), "{document}");
    assert!(console.contains("Content Security Policy"), "{console}");
}

#[test]
fn page_without_scripts_shows_everything() {
    let page = page();
    let without = page.split("<script>").next().unwrap();
    let (document, _) = browse(&format!("{without}</body></html>"), &[]);
    assert!(document.contains("<form class=\"filter\" hidden=\"\">"), "{document}");
    assert!(document.contains("TLS-01"));
    // For who reads it with their ears, and by the keyboard.
    assert!(document.contains("<html lang=\"en\">"));
    assert!(document.contains("role=\"status\"") && document.contains("role=\"img\""));
    assert_eq!(document.matches("<details>").count(), document.matches("<summary>").count());
    assert!(document.contains("<th scope=\"col\">Object</th>"));
    if let Some(folder) = std::env::var_os("PAGE_SCREENSHOTS") {
        let path = std::path::Path::new(&folder).join("page.html");
        std::fs::write(path, page).unwrap();
    }
}

/// What axe finds wrong with a page: rule, how many elements, and the first of them.
fn violations(page: &str, more: &[&str]) -> serde_json::Value {
    let folder = test_programs::npm::packages("axe", &["axe-core@4.11.0"]).unwrap();
    let axe = folder.join("node_modules/axe-core/axe.min.js");
    let axe = std::fs::read_to_string(axe).unwrap();
    // The page's own policy would block the checker.
    let from = page.find("<meta http-equiv=\"Content-Security-Policy\"").unwrap();
    let to = from + page[from..].find('>').unwrap() + 1;
    let open = format!("{}{}", &page[..from], &page[to..]);
    let checker = "axe.run().then(result => {
        const wrong = result.violations.map(v => [v.id, v.nodes.length, v.nodes[0].html.slice(0, 120)]);
        document.title = 'axe ' + JSON.stringify({wrong, passed: result.passes.length});
    })";
    let page = open
        .replace("</body>", &format!("<script>{axe}</script><script>{checker}</script></body>"));
    let more = [&["--virtual-time-budget=30000"], more].concat();
    let (document, console) = browse(&page, &more);
    let printed = document.split("<title>axe ").nth(1);
    let printed = printed.unwrap_or_else(|| panic!("axe has not run: {console}"));
    let printed = printed.split("</title>").next().unwrap();
    let printed = printed.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&printed).unwrap()
}

#[test]
fn page_has_no_accessibility_violations() {
    for scheme in
        ["--blink-settings=preferredColorScheme=1", "--blink-settings=preferredColorScheme=0"]
    {
        let printed = violations(&page(), &[scheme]);
        assert_eq!(printed["wrong"], serde_json::json!([]), "{scheme}: {printed}");
        assert!(printed["passed"].as_u64().unwrap() > 15, "{printed}");
    }
    // It would find what is wrong.
    let worse = page().replace("<html lang=\"en\">", "<html>");
    assert_eq!(violations(&worse, &[])["wrong"][0][0], "html-has-lang");
}
