// Command kubebox is a Kubernetes control plane in one binary, for tests: it
// is etcd, kube-apiserver or kubectl by the name it is called under, or by its
// first argument. `kubebox istio-crds` prints Istio's custom resource
// definitions as Istio ships them.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	_ "time/tzdata"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"istio.io/istio/manifests"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

const istioCRDs = "charts/base/files/crd-all.gen.yaml"

func main() {
	name := filepath.Base(os.Args[0])
	if name == "kubebox" && len(os.Args) > 1 {
		name = os.Args[1]
		os.Args = os.Args[1:]
	}
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
	case "kube-apiserver":
		run(apiserver.NewAPIServerCommand())
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
			fail(err)
		}
	case "istio-crds":
		crds, err := manifests.FS.ReadFile(istioCRDs)
		if err != nil {
			fail(err)
		}
		if _, err := os.Stdout.Write(crds); err != nil {
			fail(err)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: kubebox etcd|kube-apiserver|kubectl|istio-crds ...")
		os.Exit(2)
	}
}

func run(command *cobra.Command) { os.Exit(cli.Run(command)) }

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
