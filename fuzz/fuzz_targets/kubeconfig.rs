//! A kubeconfig: any text is read or refused, and no error shows what it holds. No plugin is run.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use ckf_hardening::facts::kubeconfig::load;
use ckf_hardening::facts::kubernetes::Source;
use libfuzzer_sys::fuzz_target;

/// Each process has a file of its own.
static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("kubeconfig-{}", std::process::id()))
});

fuzz_target!(|text: &str| {
    if std::fs::write(&*PATH, text).is_err() {
        return;
    }
    let source = Source {
        kubeconfig: Some(PATH.clone()),
        ..Source::default()
    };
    if let Err(why) = load(&source) {
        let shown = why.to_string();
        assert!(!shown.contains("s3cret-token"), "{shown}");
    }
});
