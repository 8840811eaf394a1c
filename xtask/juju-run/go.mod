module juju-run

go 1.24

require gopkg.in/yaml.v2 v2.4.0

// Juju's go.mod has the same line: its library differs from the one that it replaces.
replace gopkg.in/yaml.v2 => github.com/juju/yaml/v2 v2.0.0
