//! Examples below the help of commands.

pub(super) const ROOT: &str = "\
Examples:
  ckf-hardening audit                        # what is wrong, worst first
  ckf-hardening explain TLS-01               # why, and how to fix it
  ckf-hardening plan --all                   # preview the remedies, change nothing
  ckf-hardening apply platform-network-policies
  ckf-hardening undo --all

Defaults of options: CKF_HARDENING_NAMESPACE, CKF_HARDENING_FORMAT and so on, else the
configuration file ~/.config/ckf-hardening/config.yaml, or that of CKF_HARDENING_CONFIG:
  namespace: kubeflow
  skip: [IMG-05, OBS-*]
An option that is passed precedes the environment, and the environment precedes the file.

Exit status: 0 nothing open, 1 something open, 2 it could not run, 3 too much not assessed.";

pub(super) const AUDIT: &str = "\
Examples:
  ckf-hardening audit                              # the cluster of the current context
  ckf-hardening audit -v                           # reasons, and all other controls
  ckf-hardening audit -s high+ --fail-on high      # severe findings only, for a pipeline
  ckf-hardening audit -c 'TLS-*' --skip TLS-21     # some controls
  ckf-hardening audit --section Network            # a section of the guide
  ckf-hardening audit --framework nist-800-53      # by the requirements of a framework
  ckf-hardening audit -o report.html -o report.json -o sarif=scan.out
  ckf-hardening audit --watch 60                   # again every minute, with what changed
  ckf-hardening audit --from snapshot/             # what `collect` wrote
  ckf-hardening audit --contexts prod,staging      # two clusters side by side
  ckf-hardening audit --all-contexts -o fleet.html # every cluster of the kubeconfig

Exit status: 0 no finding at or above --fail-on, 1 there are, 2 it could not run, 3 most of the
cluster could not be assessed.";

pub(super) const COLLECT: &str = "\
Examples:
  ckf-hardening collect snapshot/
  ckf-hardening collect snapshot/ --context production -n kubeflow

Exit status: 0 written, 2 it could not run, 3 most kinds could not be read.";

pub(super) const CONTROLS: &str = "\
Examples:
  ckf-hardening controls -s critical,high
  ckf-hardening controls --section Network --format json";

pub(super) const EXPLAIN: &str = "\
Examples:
  ckf-hardening explain TLS-01
  ckf-hardening explain NET-02 --format json";

pub(super) const PLAN: &str = "\
Examples:
  ckf-hardening plan                               # of tls-floor and https-redirect
  ckf-hardening plan --all                         # of all that deletes nothing
  ckf-hardening plan mutual-tls --profile team-a   # in one profile
  ckf-hardening plan --all --out plan.json         # for `apply --plan plan.json`

Exit status: 0 no changes, 1 there are changes, 2 it could not run.";

pub(super) const APPLY: &str = "\
Examples:
  ckf-hardening apply platform-network-policies
  ckf-hardening apply --plan plan.json --yes";

pub(super) const UNDO: &str = "\
Examples:
  ckf-hardening undo platform-network-policies
  ckf-hardening undo --all";

pub(super) const ACCESS: &str = "\
Examples:
  ckf-hardening access --who alice@example.com --to profile/team-a
  ckf-hardening access --who profile/team-a --to platform

Exit status: 0 no access, 1 some access, 2 it could not run, 3 the subject is not known.";

pub(super) const DIFF: &str = "\
Examples:
  ckf-hardening diff yesterday.json today.json --fail-on new:high";

pub(super) const ROCKS: &str = "\
Examples:
  ckf-hardening rocks
  ckf-hardening rocks --offline --format json
  ckf-hardening rocks --lock images.lock           # record what runs
  ckf-hardening rocks --verify images.lock         # later: is it still the same?";

pub(super) const BUNDLE_DATA: &str = "\
Examples:
  ckf-hardening bundle-data data.json
  ckf-hardening bundle-data --charmhub --from snapshot/ data.json   # of what that platform follows";

pub(super) const COMPLETIONS: &str = "\
Install:
  bash: ckf-hardening completions bash > ~/.local/share/bash-completion/completions/ckf-hardening
  zsh:  ckf-hardening completions zsh > \"${fpath[1]}/_ckf-hardening\"
  fish: ckf-hardening completions fish > ~/.config/fish/completions/ckf-hardening.fish";

pub(super) const MAN: &str = "\
Install:
  ckf-hardening man --directory ~/.local/share/man/man1
Read one without installing:
  ckf-hardening man audit | man -l -";

pub(super) const UPGRADE_PLAN: &str = "\
Examples:
  ckf-hardening upgrade-plan                       # to the next release; changes nothing
  ckf-hardening upgrade-plan --to 1.11 --json
  ckf-hardening upgrade-plan --from snapshot/      # what `collect` wrote

Exit status: 0 it may be begun, 1 something blocks it, 2 it could not run, 3 something that it needs
could not be looked at.";
