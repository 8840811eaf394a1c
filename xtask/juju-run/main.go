// Does what the command `juju run` of Juju 4.0 does at the user's end, with Juju's own YAML
// library:
//
//	juju-run parameters [--string-args] KEY=VALUE...   prints the parameters as JSON
//	juju-run print                                      prints the results that stdin has as JSON
//
// It is held to recordings of the command by crates/juju-sim/tests/run.rs.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"gopkg.in/yaml.v2"
)

var key = regexp.MustCompile("^[a-z0-9](([a-z0-9-]*[a-z0-9])?)$")

// refusal is an argument that the command does not take, with its exit status.
type refusal struct {
	status  int
	message string
}

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 1 && arguments[0] == "print" {
		printResults()
		return
	}
	if len(arguments) == 0 || arguments[0] != "parameters" {
		end(refusal{2, "usage: juju-run parameters [--string-args] KEY=VALUE... | print"})
	}
	arguments = arguments[1:]
	asText := len(arguments) > 0 && arguments[0] == "--string-args"
	if asText {
		arguments = arguments[1:]
	}
	parameters := map[string]interface{}{}
	for _, argument := range arguments {
		if why := add(parameters, argument, asText); why != nil {
			end(*why)
		}
	}
	text, err := json.Marshal(parameters)
	if err != nil {
		end(refusal{1, err.Error()})
	}
	fmt.Println(string(text))
}

// add reads KEY.KEY=VALUE, the value as YAML unless it is meant as text.
func add(parameters map[string]interface{}, argument string, asText bool) *refusal {
	path, text, found := strings.Cut(argument, "=")
	if !found {
		message := fmt.Sprintf("argument %q must be of the form key.key.key...=value", argument)
		return &refusal{2, message}
	}
	keys := strings.Split(path, ".")
	for _, name := range keys {
		if !key.MatchString(name) {
			const words = "key %q must start and end with lowercase alphanumeric, " +
				"and contain only lowercase alphanumeric and hyphens"
			return &refusal{2, fmt.Sprintf(words, name)}
		}
	}
	var value interface{} = text
	if !asText {
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return &refusal{1, err.Error()}
		}
	}
	for _, name := range keys[:len(keys)-1] {
		inner, isMap := parameters[name].(map[string]interface{})
		if !isMap {
			inner = map[string]interface{}{}
			parameters[name] = inner
		}
		parameters = inner
	}
	parameters[keys[len(keys)-1]] = value
	return nil
}

// printResults leaves out what Juju itself adds to the results of an action.
func printResults() {
	var results map[string]interface{}
	if err := json.NewDecoder(os.Stdin).Decode(&results); err != nil {
		end(refusal{2, err.Error()})
	}
	delete(results, "return-code")
	if len(results) > 0 {
		text, err := yaml.Marshal(results)
		if err != nil {
			end(refusal{1, err.Error()})
		}
		fmt.Print(string(text))
	}
	fmt.Println()
}

func end(why refusal) {
	fmt.Fprintln(os.Stderr, why.message)
	os.Exit(why.status)
}
