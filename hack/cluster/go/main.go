// Command node is everything a node of the test cluster runs besides its container runtime, in one multi-call binary.
//
// It exists because no npm package carries these programs while the Go module proxy does. The first argument, or the name
// the binary is called by, chooses the program; everything after it is that program's own command line:
//
//	node kubelet --config=/tmp/kubelet.yaml
//	node coredns -conf=/tmp/Corefile
//
// CoreDNS has only the plugins that the cluster's Corefile names: they are the blank imports.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubeproxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// programs maps a name to the function that runs it and returns the exit code.
var programs = map[string]func() int{
	"coredns":    runCoreDNS,
	"kube-proxy": command(kubeproxy.NewProxyCommand),
	"kubelet":    command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
}

func command(build func() *cobra.Command) func() int {
	return func() int { return cli.Run(build()) }
}

// runCoreDNS answers with the plugins in this order; a plugin that is not named here is ignored by the server.
func runCoreDNS() int {
	dnsserver.Directives = []string{"bind", "errors", "cache", "kubernetes"}
	coremain.Run()
	return 0
}

func main() {
	args := os.Args
	if _, isLink := programs[filepath.Base(args[0])]; !isLink && len(args) > 1 {
		args = args[1:]
	}
	run, ok := programs[filepath.Base(args[0])]
	if !ok {
		names := make([]string, 0, len(programs))
		for name := range programs {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: node PROGRAM [flags]; programs: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Args = args // the programs read the global
	os.Exit(run())
}
