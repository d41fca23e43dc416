package surroundings

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// process is one that runs on this host, in the network that this process sees.
type process struct {
	pid  int
	name string // its file's, cut at 15 characters (proc(5), comm)
}

// runningNamed lists the processes whose name satisfies wanted, by their number. Those of another
// network namespace, such as a container with links of its own, are left out: they cannot touch the
// links here.
func runningNamed(wanted func(name string) bool) (all []process) {
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		comm, err := os.ReadFile(procFile(pid, "comm"))
		if name := strings.TrimSuffix(string(comm), "\n"); err == nil && wanted(name) && sharesNetwork(pid) {
			all = append(all, process{pid, name})
		}
	}
	slices.SortFunc(all, func(a, b process) int { return a.pid - b.pid })
	return all
}

func procFile(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// sharesNetwork reports whether a process is in this network namespace. /proc/PID/ns/net may be
// read by few; the files below /proc/PID/net may be looked at by everybody, and are others in each
// namespace (fs/proc/proc_net.c).
func sharesNetwork(pid int) bool {
	ours, err := os.Stat("/proc/self/net/dev")
	if err != nil {
		return true
	}
	theirs, err := os.Stat(procFile(pid, "net/dev"))
	return err == nil && os.SameFile(ours, theirs)
}

// arguments are the process's. Reading them can hang where the process hangs in the kernel with its
// memory locked, unlike reading its name.
func (p process) arguments() []string {
	line, err := os.ReadFile(procFile(p.pid, "cmdline"))
	if err != nil {
		return nil
	}
	return parseArguments(line)
}

// parseArguments reads the text of /proc/PID/cmdline.
func parseArguments(line []byte) []string {
	if len(line) == 0 {
		return nil
	}
	return strings.Split(string(bytes.TrimSuffix(line, []byte{0})), "\x00")
}

// flagOf is the value of one of the named flags: "--config FILE", "--config=FILE", "-fFILE" for a
// name of one letter.
func flagOf(args []string, names ...string) string {
	for i, arg := range args {
		for _, name := range names {
			value, glued := strings.CutPrefix(arg, name)
			switch {
			case arg == name && i+1 < len(args):
				return args[i+1]
			case glued && strings.HasPrefix(value, "="):
				return value[1:]
			case glued && value != "" && len(name) == 2:
				return value
			}
		}
	}
	return ""
}

func (p process) String() string { return fmt.Sprintf("%s (pid %d)", p.name, p.pid) }
