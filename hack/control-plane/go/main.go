// Command control-plane is etcd and the Kubernetes control plane in one multi-call binary.
//
// It exists because no npm package carries these servers while the Go module proxy does. The first argument, or the name
// the binary is called by, chooses the component; everything after it is that component's own command line:
//
//	control-plane etcd --data-dir=/tmp/etcd
//	control-plane kube-apiserver --etcd-servers=http://127.0.0.1:2379
//
// A component is one entry in the table below: kubelet and kube-proxy join it the same way.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"

	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// components maps a name to the function that runs it and returns the exit code. args[0] is the component's name.
var components = map[string]func(args []string) int{
	"etcd": func(args []string) int { etcdmain.Main(args); return 0 },
	"kube-apiserver":          command(func() *cobra.Command { return apiserver.NewAPIServerCommand() }),
	"kube-controller-manager": command(func() *cobra.Command { return controllermanager.NewControllerManagerCommand() }),
	"kube-scheduler":          command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
}

func command(build func() *cobra.Command) func([]string) int {
	return func([]string) int { return cli.Run(build()) }
}

func main() {
	args := os.Args
	if _, isLink := components[filepath.Base(args[0])]; !isLink && len(args) > 1 {
		args = args[1:]
	}
	run, ok := components[filepath.Base(args[0])]
	if !ok {
		names := make([]string, 0, len(components))
		for name := range components {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: control-plane COMPONENT [flags]; components: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	os.Args = args // cobra and the servers' own version and flag code read the global
	os.Exit(run(args))
}
