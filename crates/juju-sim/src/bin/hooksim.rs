//! A hook tool of the simulated Juju, by the name it is started under.

fn main() -> std::process::ExitCode {
    juju_sim::hooksim::main()
}
