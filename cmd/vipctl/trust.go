package main

import (
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/vipctl/vipctl/config"
)

// readConfig reads the configuration. A process that may do more than its user, or that root started, takes it from
// nobody but root: it says which addresses are moved, on which links.
func readConfig(file string) (*config.Config, error) {
	how := privilegedBy()
	if how == "" {
		return config.Load(file)
	}
	var w walk
	defer w.close()
	f, err := w.open(file)
	if len(w.doubts) > 0 {
		return nil, &untrusted{file: file, how: how, doubts: w.doubts}
	}
	if err != nil {
		return config.Read(file, unreadable{err})
	}
	defer f.Close()
	return config.Read(file, f)
}

// unreadable is a file that could not be opened.
type unreadable struct{ err error }

func (u unreadable) Read([]byte) (int, error) { return 0, u.err }

// untrusted is a configuration that others than root may write, or redirect.
type untrusted struct {
	file   string
	how    string // vipctl runs
	doubts []doubt
}

// doubt is one file or folder, what is wrong with it, and the command that mends it.
type doubt struct{ path, why, mend string }

func (u *untrusted) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is not trusted: vipctl runs %s, and whoever can write that file, or a folder above it, could have any address added", u.file, u.how)
	for _, d := range u.doubts {
		fmt.Fprintf(&b, "\n  %s: %s", d.path, d.why)
		if d.mend != "" {
			fmt.Fprintf(&b, ": %s", d.mend)
		}
	}
	return b.String()
}

// userName is the user's name and number, or the number alone.
func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	u, err := user.LookupId(id)
	if err != nil {
		return "uid " + id
	}
	return u.Username + " (uid " + id + ")"
}

// shellWord quotes a path for a shell where it needs that.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@:", r)
	}
	if strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
