package surroundings

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/trust"
)

// findPatroni finds the Patroni that runs here by vipctl's patroni.yml, and what its callbacks
// would inherit. Patroni is not the postmaster's parent: it starts that through a process of its
// own that ends (patroni/postgresql/postmaster.py).
func findPatroni(h *Host) (p process, c trust.Credentials, found bool) {
	var owner unix.Stat_t
	owned := unix.Stat(h.Patroni.DataDir(), &owner) == nil
	for _, candidate := range runningNamed(func(name string) bool { return name == "patroni" || strings.HasPrefix(name, "python") }) {
		args := candidate.arguments()
		is, running := trust.ProcessCredentials(candidate.pid)
		if !running || owned && is.UID != owner.Uid || !runsPatroni(args) {
			continue
		}
		named := h.Source.Config != "" && slices.Contains(args, h.Source.Config)
		if named || !found {
			p, c, found = candidate, is, true
		}
		if named {
			break
		}
	}
	return p, c, found
}

// runsPatroni reports whether a command line is Patroni's: "python3 /usr/bin/patroni FILE",
// "python3 -m patroni FILE".
func runsPatroni(args []string) bool {
	args = args[:min(len(args), 3)]
	return slices.ContainsFunc(args, func(arg string) bool { return filepath.Base(arg) == "patroni" })
}
