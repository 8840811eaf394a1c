//! The platform's controllers, in a loop: each writes its objects whenever they are not as it has
//! them, as the real one does, and counts what others did to them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// Time between two looks of a controller.
const PAUSE: Duration = Duration::from_millis(200);

/// A controller and its objects, as it wants them.
struct Controller {
    name: &'static str,
    objects: Vec<(Value, bool)>,
}

impl Controller {
    /// istio-pilot's and its library's own: applied whether or not anything changed, never by force.
    fn is_charm(&self) -> bool {
        self.name == "lightkube"
    }
}

#[derive(Default)]
struct Shared {
    controllers: Vec<Controller>,
    rounds: usize,
    writes: usize,
    /// Objects that were not as their controller had written them.
    undone: Vec<String>,
}

/// All controllers, until they are stopped.
pub(super) struct Controllers {
    shared: Arc<Mutex<Shared>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    // A controller that panicked is reported when it is joined.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Controllers {
    /// Starts them; each has run once when this returns.
    pub(super) fn start(
        sandbox: &Arc<Sandbox>,
        controllers: Vec<(&'static str, Vec<Value>)>,
    ) -> Self {
        let controllers = controllers.into_iter().map(|(name, objects)| {
            let objects = objects.into_iter().map(|object| (object, false)).collect();
            Controller { name, objects }
        });
        let shared = Shared { controllers: controllers.collect(), ..Shared::default() };
        let shared = Arc::new(Mutex::new(shared));
        round(sandbox, &shared);
        let is_over = Arc::new(AtomicBool::new(false));
        let (sandbox, at, over) = (Arc::clone(sandbox), Arc::clone(&shared), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(PAUSE);
                round(&sandbox, &at);
            }
        });
        Self { shared, is_over, thread: Some(thread) }
    }

    /// Has a controller write this from now on, in place of the object of that kind and name, and
    /// waits until it has.
    pub(super) fn write(&self, name: &'static str, object: Value) {
        let mut shared = lock(&self.shared);
        let before = shared.rounds;
        let mut all = shared.controllers.iter_mut();
        let controller = all.find(|known| known.name == name).expect("it is known");
        controller.objects.retain(|(known, _)| identity(known) != identity(&object));
        controller.objects.push((object, false));
        drop(shared);
        self.wait(before + 2);
    }

    /// Waits until each has looked again.
    pub(super) fn look_again(&self) {
        let before = lock(&self.shared).rounds;
        self.wait(before + 2);
    }

    fn wait(&self, round: usize) {
        while lock(&self.shared).rounds < round {
            let has_ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            assert!(!has_ended, "a controller of the platform failed");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Has a controller write objects of these names no more.
    pub(super) fn forget(&self, name: &'static str, objects: &[&str]) {
        let mut shared = lock(&self.shared);
        for controller in shared.controllers.iter_mut().filter(|known| known.name == name) {
            let is_one = |object: &Value| objects.iter().any(|n| object["metadata"]["name"] == *n);
            controller.objects.retain(|(object, _)| !is_one(object));
        }
    }

    /// Rounds and writes so far.
    pub(super) fn figures(&self) -> (usize, usize) {
        let shared = lock(&self.shared);
        (shared.rounds, shared.writes)
    }

    /// Objects that others changed or deleted, since this was asked last.
    pub(super) fn take_undone(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared).undone)
    }

    /// Stops them: the objects that others changed since that was asked last.
    pub(super) fn stop(mut self) -> Vec<String> {
        self.look_again();
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("it was started");
        thread.join().expect("no controller of the platform failed");
        self.take_undone()
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A test that fails has said why.
            let _ = thread.join();
        }
    }
}

fn identity(object: &Value) -> (&Value, &Value, &Value) {
    (&object["kind"], &object["metadata"]["namespace"], &object["metadata"]["name"])
}

/// One look of every controller.
fn round(sandbox: &Sandbox, shared: &Mutex<Shared>) {
    let mut shared = lock(shared);
    let shared = &mut *shared;
    for controller in &mut shared.controllers {
        let list = |objects: &[&Value]| {
            json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
        };
        let all: Vec<&Value> = controller.objects.iter().map(|(object, _)| object).collect();
        let get = ["get", "-f", "-", "-o", "json", "--ignore-not-found"];
        let found = sandbox.kubectl_with(&get, &list(&all)).expect("it reads");
        let found: Value = serde_json::from_str(&found).unwrap_or_default();
        let found = match found["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![found],
        };
        let is_charm = controller.is_charm();
        let mut due = Vec::new();
        for (object, is_seen) in &mut controller.objects {
            let live = found.iter().find(|live| identity(live) == identity(object));
            let is_so = live.is_some_and(|live| contains(live, object));
            if *is_seen && !is_so {
                let (kind, namespace, name) = identity(object);
                shared.undone.push(format!("{}: {kind} {namespace}/{name}", controller.name));
            }
            if is_charm || !is_so {
                due.push(&*object);
            }
            *is_seen = true;
        }
        if !due.is_empty() {
            let manager = format!("--field-manager={}", controller.name);
            let mut apply = vec!["apply", "--server-side", &manager, "-f", "-"];
            if !is_charm {
                apply.push("--force-conflicts");
            }
            sandbox.kubectl_with(&apply, &list(&due)).expect("no conflict");
            shared.writes += due.len();
        }
    }
    shared.rounds += 1;
}

/// All that is wanted is there; more may be.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => wanted.iter().all(|(key, value)| {
            // The API server answers in the version that it prefers.
            key == "apiVersion" || live.get(key).is_some_and(|live| contains(live, value))
        }),
        (Value::Array(live), Value::Array(wanted)) => {
            live.len() == wanted.len() && live.iter().zip(wanted).all(|(l, w)| contains(l, w))
        }
        (live, wanted) => live == wanted,
    }
}
