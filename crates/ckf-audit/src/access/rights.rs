//! RBAC: what bindings grant to subjects, and which identities these can take.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;

use super::identity::{Identity, Reached, Step};
use super::subject::Who;
use crate::facts::object::Object as _;
use crate::facts::rbac::{PolicyRule, RoleRef, Subject};
use crate::views::power::{self, Held, Power};
use crate::views::{Context, MissingFact};

/// What a binding grants.
struct Grant<'a> {
    /// Where; everywhere, if none.
    namespace: Option<&'a str>,
    powers: Rc<[Held]>,
    binding: String,
    role: &'a RoleRef,
}

impl Grant<'_> {
    fn holds_in(&self, namespace: &str) -> bool {
        self.namespace.is_none_or(|own| own == namespace)
    }

    /// The right by which it gives one of these powers.
    fn gives(&self, powers: &[Power]) -> Option<Held> {
        self.powers.iter().find(|held| powers.contains(&held.power)).copied()
    }

    /// The step that a right of it is, said after who takes it.
    fn step(&self, who: &str, Held { resource, verb, .. }: &Held) -> Step {
        let (binding, role) = (&self.binding, self.role);
        let says = format!("{who}: {binding} gives {} {}: {verb} {resource}", role.kind, role.name);
        Step::by(says, binding)
    }
}

/// All bindings, by whom they are for.
pub(super) struct Rights<'a> {
    grants: Vec<Grant<'a>>,
    by_subject: HashMap<(String, String), Vec<usize>>,
    /// Service accounts by namespace, as far as something names them.
    accounts: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Rights<'a> {
    pub(super) fn of(context: &Context<'a>) -> Result<Self, MissingFact> {
        let cluster_roles: HashMap<&str, &[PolicyRule]> = context
            .cluster_roles()?
            .iter()
            .map(|role| (role.metadata.name.as_str(), role.rules.as_slice()))
            .collect();
        let roles: HashMap<(&str, &str), &[PolicyRule]> = context
            .roles()?
            .iter()
            .map(|role| {
                let meta = &role.metadata;
                ((&*meta.namespace, meta.name.as_str()), role.rules.as_slice())
            })
            .collect();
        // Bindings of many profiles share few roles.
        let mut known: HashMap<(*const PolicyRule, bool), Rc<[Held]>> = HashMap::new();
        let mut powers = |rules: Option<&'a [PolicyRule]>, is_cluster_wide: bool| {
            let rules = rules.unwrap_or_default();
            let held = known.entry((rules.as_ptr(), is_cluster_wide));
            held.or_insert_with(|| power::powers(rules, is_cluster_wide).into()).clone()
        };
        let mut rights =
            Self { grants: Vec::new(), by_subject: HashMap::new(), accounts: BTreeMap::new() };
        for binding in context.cluster_role_bindings()? {
            let rules = cluster_roles.get(&*binding.role_ref.name);
            let grant = Grant {
                namespace: None,
                powers: powers(rules.copied(), true),
                binding: binding.reference().to_string(),
                role: &binding.role_ref,
            };
            rights.add(grant, &binding.subjects, "");
        }
        for binding in context.role_bindings()? {
            let namespace = &*binding.metadata.namespace;
            let rules = match &*binding.role_ref.kind {
                "ClusterRole" => cluster_roles.get(&*binding.role_ref.name),
                _ => roles.get(&(namespace, &*binding.role_ref.name)),
            };
            let grant = Grant {
                namespace: Some(namespace),
                powers: powers(rules.copied(), false),
                binding: binding.reference().to_string(),
                role: &binding.role_ref,
            };
            rights.add(grant, &binding.subjects, namespace);
        }
        for pod in context.pods()? {
            let account = match &*pod.spec.service_account_name {
                "" => "default",
                name => name,
            };
            let accounts = rights.accounts.entry(&pod.metadata.namespace).or_default();
            accounts.insert(account);
        }
        Ok(rights)
    }

    fn add(&mut self, grant: Grant<'a>, subjects: &'a [Subject], namespace: &'a str) {
        let index = self.grants.len();
        self.grants.push(grant);
        for subject in subjects {
            let name = match &*subject.kind {
                "ServiceAccount" => {
                    let own = match &*subject.namespace {
                        "" => namespace,
                        own => own,
                    };
                    self.accounts.entry(own).or_default().insert(&subject.name);
                    format!("{own}/{}", subject.name)
                }
                _ => subject.name.to_string(),
            };
            let of = (subject.kind.to_string(), name);
            self.by_subject.entry(of).or_default().push(index);
        }
    }

    fn grants_of(&self, identity: &Identity) -> Vec<&Grant<'a>> {
        let mut all: Vec<usize> = identity
            .subjects()
            .into_iter()
            .filter_map(|(kind, name)| self.by_subject.get(&(kind.to_owned(), name)))
            .flatten()
            .copied()
            .collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|index| &self.grants[index]).collect()
    }

    /// Identities that a subject can take, each by the shortest chain; its own first.
    pub(super) fn reach(&self, who: &Who) -> Vec<Reached> {
        let first = match who {
            Who::User(name) => Identity::User(name.clone()),
            Who::Group(name) => Identity::Group(name.clone()),
            Who::Account { namespace, name } => Identity::Account(namespace.clone(), name.clone()),
            Who::Profile(name) => Identity::Account(name.clone(), "default-editor".into()),
        };
        let mut known = BTreeSet::from([first.clone()]);
        let mut next = VecDeque::from([Reached { identity: first, chain: Vec::new() }]);
        let mut reached = Vec::new();
        while let Some(now) = next.pop_front() {
            for (identity, step) in self.steps(&now.identity) {
                if known.insert(identity.clone()) {
                    let mut chain = now.chain.clone();
                    chain.push(step);
                    next.push_back(Reached { identity, chain });
                }
            }
            reached.push(now);
        }
        reached
    }

    /// Identities that an identity can take in one step.
    fn steps(&self, identity: &Identity) -> Vec<(Identity, Step)> {
        let mut steps = Vec::new();
        for grant in self.grants_of(identity) {
            // Rights of their own making, or over what the API server asks, are any rights.
            let any = [Power::Users, Power::Rights, Power::Admission, Power::Nodes];
            if let (None, Some(right)) = (grant.namespace, grant.gives(&any)) {
                let step = grant.step(&format!("{identity} becomes any user"), &right);
                steps.push((Identity::AnyUser, step));
            }
            let Some(right) = grant.gives(&[Power::Accounts, Power::Code]) else {
                continue;
            };
            let namespaces = self.accounts.iter();
            for (namespace, accounts) in namespaces.filter(|(name, _)| grant.holds_in(name)) {
                for account in accounts {
                    let other = Identity::Account((*namespace).into(), (*account).into());
                    let step = grant.step(&format!("{identity} becomes {other}"), &right);
                    steps.push((other, step));
                }
            }
        }
        steps
    }

    /// How one of these powers is had in a namespace.
    pub(super) fn chain(
        &self,
        reached: &[Reached],
        namespace: &str,
        powers: &[Power],
    ) -> Option<Vec<Step>> {
        reached.iter().find_map(|Reached { identity, chain }| {
            let mut chain = chain.clone();
            if *identity == Identity::AnyUser {
                return Some(chain);
            }
            let grants = self.grants_of(identity).into_iter();
            let mut here = grants.filter(|grant| grant.holds_in(namespace));
            let step = here.find_map(|grant| {
                let right = grant.gives(powers)?;
                Some(grant.step(&identity.to_string(), &right))
            })?;
            chain.push(step);
            Some(chain)
        })
    }

    /// What grants say in all: how many bindings were looked at.
    pub(super) fn bindings(&self) -> usize {
        self.grants.len()
    }

    /// Who holds one of these powers in a namespace by a binding that names them, with the step.
    /// Powers over the whole cluster count everywhere, those of a namespace only there.
    pub(super) fn holders(&self, namespace: &str, powers: &[Power]) -> Vec<(Identity, Step)> {
        const ANY: [Power; 4] = [Power::Users, Power::Rights, Power::Admission, Power::Nodes];
        let mut all = Vec::new();
        for ((kind, name), grants) in &self.by_subject {
            let held = grants.iter().map(|index| &self.grants[*index]).find_map(|grant| {
                let held = grant.gives(powers).filter(|_| grant.holds_in(namespace));
                let any = || grant.gives(&ANY).filter(|_| grant.namespace.is_none());
                held.or_else(any).map(|held| (grant, held))
            });
            let Some((grant, held)) = held else { continue };
            let identity = match (kind.as_str(), name.split_once('/')) {
                ("ServiceAccount", Some((namespace, name))) => {
                    Identity::Account(namespace.into(), name.into())
                }
                ("Group", _) => Identity::Group(name.clone()),
                _ => Identity::User(name.clone()),
            };
            let step = grant.step(&identity.to_string(), &held);
            all.push((identity, step));
        }
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all
    }

    /// Namespaces in which identities hold one of these powers, each with the chain; `None` for
    /// all namespaces.
    pub(super) fn places(
        &self,
        reached: &[Reached],
        powers: &[Power],
    ) -> BTreeMap<Option<String>, Vec<Step>> {
        let mut all: BTreeMap<Option<String>, Vec<Step>> = BTreeMap::new();
        for Reached { identity, chain } in reached {
            if *identity == Identity::AnyUser {
                all.entry(None).or_insert_with(|| chain.clone());
            }
            for grant in self.grants_of(identity) {
                let Some(held) = grant.gives(powers) else { continue };
                all.entry(grant.namespace.map(str::to_owned)).or_insert_with(|| {
                    let mut chain = chain.clone();
                    chain.push(grant.step(&identity.to_string(), &held));
                    chain
                });
            }
        }
        all
    }

    /// The accounts of a namespace as identities, each its own beginning.
    pub(super) fn reach_from(&self, namespace: &str) -> Vec<Reached> {
        let mut all: Vec<Reached> = Vec::new();
        for account in self.accounts_in(namespace) {
            let who = Who::Account { namespace: namespace.into(), name: account.into() };
            for reached in self.reach(&who) {
                if !all.iter().any(|known| known.identity == reached.identity) {
                    all.push(reached);
                }
            }
        }
        all
    }

    /// Service accounts of a namespace, as far as something names them.
    pub(super) fn accounts_in(&self, namespace: &str) -> Vec<&'a str> {
        let accounts = self.accounts.get(namespace);
        accounts.into_iter().flatten().copied().collect()
    }

    /// Namespaces in which a subject can run pods, each with its chain.
    pub(super) fn runs_in(&self, reached: &[Reached]) -> BTreeMap<String, Vec<Step>> {
        let mut all: BTreeMap<String, Vec<Step>> = BTreeMap::new();
        for Reached { identity, chain } in reached {
            // A service account of a namespace stands for its pods.
            if let Identity::Account(namespace, _) = identity {
                all.entry(namespace.clone()).or_insert_with(|| chain.clone());
            }
        }
        all
    }
}
