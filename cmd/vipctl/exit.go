package main

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/callbacks"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

// The exit codes, those of sysexits.h where it has one. docs/cli.md has the table; a test holds it
// against this one.
const (
	exitDone         = 0
	exitFailed       = 1
	exitUsage        = 64
	exitUnreachable  = 69
	exitBusy         = 75
	exitNotPermitted = 77
	exitConfig       = 78
)

const exitCodesHelp = `EXIT CODES:
   0   done; callback and reconcile: the policy ran
   1   failed
   64  wrong usage
   69  Patroni unreachable
   75  busy: another vipctl is at work
   77  not permitted: the kernel refused to move an address, since the capabilities are missing (see setcap(8)), or a
       file or folder may not be used
   78  the configuration is wrong, cannot be read, or is not to be trusted: where vipctl runs as root or with
       capabilities, root alone must own and be able to write vipctl.yml and every folder above it
`

// unread reports whether nobody wants the rest of what is printed, as behind `vipctl status | head
// -1`.
func unread(err error) bool {
	var write *fs.PathError
	return errors.As(err, &write) && write.Path == os.Stdout.Name() && errors.Is(write, unix.EPIPE)
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// configError is a configuration that cannot be worked with.
type configError struct{ error }

func (e configError) Unwrap() error { return e.error }

// unreachableError says that there was no Patroni to ask.
type unreachableError struct{ error }

func (e unreachableError) Unwrap() error { return e.error }

// historyError says that the history could not be read, or not all of it.
type historyError struct{ error }

func (e historyError) Unwrap() error { return e.error }

// exitCode says what an error means to a script.
func exitCode(err error) int {
	var usage usageError
	var words *callbacks.Error
	var unreachable unreachableError
	var configuration configError
	switch {
	case errors.As(err, &usage), errors.As(err, &words):
		return exitUsage
	case errors.As(err, &configuration):
		return exitConfig
	case errors.Is(err, os.ErrPermission):
		return exitNotPermitted
	case errors.Is(err, reconcile.ErrBusy):
		return exitBusy
	case errors.As(err, &unreachable):
		return exitUnreachable
	}
	return exitFailed
}

// hintFor is the next step after a mistake that many make.
func hintFor(err error) string {
	var untrusted *trust.UntrustedError
	var history historyError
	switch {
	case errors.As(err, &untrusted):
		return "the file is safe in a folder that is root's all the way up, such as /etc/vipctl, with mode 0644"
	case exitCode(err) == exitNotPermitted && errors.Is(err, unix.EPERM):
		return "moving an address needs two capabilities: " + trust.ThisProgram().SetcapCommand() +
			" (lost when the file is replaced; without effect on a nosuid mount or under NoNewPrivileges=yes; vipctl config check says which)"
	case exitCode(err) == exitFailed && errors.As(err, &history):
		return "what can be read is shown; a corrupt history.db is moved aside when the next transition is written, and a new one begun"
	}
	return ""
}
