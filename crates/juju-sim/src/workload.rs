//! The containers of the unit.

use std::fs;
use std::time::Duration;

use crate::driver::Simulation;
use crate::event::Event;
use crate::pebble::{Happened, Options, Pebble, Program};
use crate::session::Link;

impl Simulation {
    /// Starts the Pebble of a container, which then can be reached. Its files lie in a folder
    /// of their own; what it is asked counts as the charm's calls of tools do. It begins with
    /// nothing, also if it ran before: a container that restarts has forgotten all.
    ///
    /// # Panics
    /// If the charm has no such container, or its socket cannot be made.
    pub fn start_pebble(&mut self, container: &str, programs: &[Program]) -> &Pebble {
        let known = self.charm().containers.iter().any(|c| c == container);
        assert!(known, "metadata.yaml has no container {container}");
        self.stop_pebble(container);
        let folder = self.directory.path().join("containers").join(container);
        let root = folder.join("root");
        let options = Options {
            root: Some(root.clone()),
            programs: programs.to_vec(),
            // Nothing waits for what is pretended.
            okay_delay: Duration::from_millis(10),
        };
        let started = fs::create_dir_all(root).and_then(|()| {
            let link = Link(self.session.clone());
            Pebble::start_linked(&folder.join("pebble.socket"), options, Some(link))
        });
        let pebble = started.unwrap_or_else(|error| panic!("pebble of {container}: {error}"));
        self.pebbles.entry(container.to_owned()).or_insert(pebble)
    }

    /// Ends the Pebble of a container, with its files: it cannot be reached any more.
    pub fn stop_pebble(&mut self, container: &str) {
        if self.pebbles.remove(container).is_some() {
            let folder = self.directory.path().join("containers").join(container);
            // What is left of it goes with the simulation.
            let _ = fs::remove_dir_all(folder);
        }
    }

    /// The Pebble of a container.
    ///
    /// # Panics
    /// If it was not started.
    pub fn pebble(&self, container: &str) -> &Pebble {
        let pebble = self.pebbles.get(container);
        pebble.unwrap_or_else(|| panic!("the pebble of {container} was not started"))
    }

    /// What Juju fires for what the containers' Pebbles tell: custom notices, and checks that
    /// failed or recovered, since this was last called.
    pub fn workload_events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for (container, pebble) in &self.pebbles {
            events.extend(pebble.happened().into_iter().map(|what| match what {
                Happened::Notice { id, key } => Event::pebble_notice(container, &id, &key),
                Happened::Check { name, what } => Event::pebble_check(container, &name, what),
            }));
        }
        events
    }
}
