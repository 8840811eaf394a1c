//! The OpenTelemetry collector as a process, with OTLP by HTTP on both sides.

use std::path::PathBuf;

use crate::go::Program;

/// Path of the collector. Its own counters have the names and values of every distribution of it.
pub fn otelcol() -> anyhow::Result<PathBuf> {
    let program = Program {
        module: "xtask/collector",
        cache: "otelcol",
        name: "otelcol",
        package: ".",
        what: "the OpenTelemetry collector from its Go modules; once a machine, about 2 minutes on 2 cores",
        packages: 942,
        linker_flags: "-s -w",
        version: "",
    };
    program.build()
}
