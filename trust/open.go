package trust

import (
	"fmt"
	"os"
	"strings"
)

// Open opens a regular file for reading, provided that root alone can change what this path leads
// to. It is for a file that decides which addresses are moved, and for a process that has a
// [Privilege].
//
// The path is resolved as the kernel does it, links included; a relative one begins in the working
// folder. The error is an [*UntrustedError] where another user than root owns or may write the
// file, or a folder on the way to it, and where the file is one of /proc, also if the file cannot
// be opened besides. Otherwise it is an [*os.PathError] of the path as it was given: the file is
// not there, cannot be read or is not a regular file.
//
// Open waits for nobody who would write into a named pipe. The caller closes the file.
func Open(path string) (*os.File, error) {
	var w walk
	defer w.close()
	f, err := w.open(path)
	if len(w.problems) == 0 {
		return f, err
	}
	if f != nil {
		_ = f.Close()
	}
	return nil, &UntrustedError{Path: path, Privilege: Privilege(), Problems: w.problems}
}

// Problem is what keeps one file or folder from being believed.
type Problem struct {
	Path string // of the file or the folder, absolute and without links
	Why  string // what is wrong: "owner eve (uid 1001), mode 0755"
	Fix  string // the command that root corrects it with; empty where there is none, as for /tmp
}

// UntrustedError is a file that others than root can write or replace. It has at least one problem,
// in the order of the path.
type UntrustedError struct {
	Path      string // as it was given to [Open]
	Privilege string // of this process, as [Privilege] says it
	Problems  []Problem
}

// Error is one line on the file, and one on each problem with the command that corrects it.
func (u *UntrustedError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is not trusted: vipctl runs %s, and whoever can write that file, or a folder above it, could have any address added",
		u.Path, u.Privilege)
	for _, p := range u.Problems {
		fmt.Fprintf(&b, "\n  %s: %s", p.Path, p.Why)
		if p.Fix != "" {
			fmt.Fprintf(&b, ": %s", p.Fix)
		}
	}
	return b.String()
}
