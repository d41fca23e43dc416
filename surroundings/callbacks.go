package surroundings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

// findCallbacks finds callbacks that Patroni does not run, or that do not run vipctl as they must.
func findCallbacks(found *reconcile.Findings, s *inspection) {
	ctx, cancel := s.question()
	defer cancel()
	commands, misplaced := conf.Callbacks(s.Source, func() (map[string]any, error) { return s.Patroni.DynamicCallbacks(ctx) })
	*found = append(*found, misplaced...)
	*found = append(*found, judgeAll(s, commands)...)
}

// judgeAll finds what is wrong with commands. What is wrong with several is said once.
func judgeAll(s *inspection, commands []conf.Command) (found reconcile.Findings) {
	var said []reconcile.Finding
	which := map[reconcile.Finding][]conf.Command{}
	for _, c := range commands {
		f := judge(s, c)
		if f.Level == reconcile.OK {
			continue
		}
		if which[f] == nil {
			said = append(said, f)
		}
		which[f] = append(which[f], c)
	}
	for _, f := range said {
		var events []string
		for _, c := range which[f] {
			events = append(events, c.Event)
		}
		found.Add(f.Level, "%s: postgresql.callbacks: %s: %s", which[f][0].Where, strings.Join(events, ", "), f.Text)
	}
	return found
}

// becomers are programs that run another as another user.
var becomers = []string{"sudo", "doas", "su", "runuser", "pkexec"}

// judge says what is wrong with one command.
func judge(s *inspection, c conf.Command) reconcile.Finding {
	bad := func(l reconcile.Level, format string, args ...any) reconcile.Finding {
		return reconcile.Finding{Level: l, Text: fmt.Sprintf(format, args...)}
	}
	program := c.Words[0]
	if slices.Contains(becomers, filepath.Base(program)) {
		return bad(reconcile.Problem, "got %s, want vipctl itself, whose file has the capabilities: Patroni cannot end a callback that runs as another user, "+
			"and nobody types a password", filepath.Base(program))
	}
	file, err := lookUp(program)
	switch {
	case errors.Is(err, os.ErrPermission) && os.Geteuid() != 0 && !s.callbacksUser():
		return bad(reconcile.Warning, "%s cannot be looked at by this user: %v", program, err)
	case err != nil:
		return bad(reconcile.Problem, "%s cannot be run: %v%s", program, reason(err), insteadOf(s, program))
	}
	if err := s.callbacksBy.CheckRun(file); err != nil {
		return bad(reconcile.Problem, "%s, who runs the callbacks, cannot run %s: %v", trust.UserName(s.callbacksBy.UID), program, err)
	}
	this, other := isVipctl(s, file)
	if !this && !other {
		return wrapped(c.Words, file)
	}
	if wrong := wrongArguments(c.Words[1:]); wrong != "" {
		return bad(reconcile.Problem, "%s", wrong)
	}
	switch {
	case other:
		return bad(reconcile.Warning, "%s is another file than this vipctl, %s, and may have other capabilities: look with %[1]s config check", program, s.program.File)
	case c.Event == "on_reload":
		return bad(reconcile.Warning, "a reload moves nothing, and before Patroni 3.0.2 it kills a callback that is at work: take it out")
	}
	return reconcile.Finding{Level: reconcile.OK}
}

// lookUp finds the file of a program, which must be a regular one. A name without a folder is
// looked for where systemd's own PATH would have Patroni look.
func lookUp(program string) (string, error) {
	const folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if !strings.Contains(program, "/") {
		for dir := range strings.SplitSeq(folders, ":") {
			if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode().IsRegular() {
				return filepath.Join(dir, program), nil
			}
		}
		return "", errors.New("not in " + folders)
	}
	if !filepath.IsAbs(program) {
		return "", errors.New("not a full path")
	}
	info, err := os.Stat(program)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err == nil && info.Mode()&0o111 == 0 {
		err = fmt.Errorf("mode %04o: no program (chmod 0750)", info.Mode().Perm())
	}
	return program, err
}

// reason is an error without the path that it is about.
func reason(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// insteadOf names the vipctl that there is, where another was meant.
func insteadOf(s *inspection, program string) string {
	if !strings.HasPrefix(filepath.Base(program), "vipctl") {
		return ""
	}
	return "; this vipctl is " + s.program.File
}

// isVipctl reports whether a file is the one that runs now, or only another of that name.
func isVipctl(s *inspection, file string) (this, other bool) {
	theirs, err := os.Stat(file)
	ours, lost := os.Stat(s.program.File)
	if err == nil && lost == nil && os.SameFile(ours, theirs) {
		return true, false
	}
	real, err := filepath.EvalSymlinks(file)
	return false, err == nil && filepath.Base(real) == "vipctl"
}

// wrongArguments is what is wrong with vipctl's arguments in a callback: "callback" is wanted, with
// flags before or after it.
func wrongArguments(args []string) string {
	var words []string
	for i := 0; i < len(args); i++ {
		name, value, glued := strings.Cut(args[i], "=")
		switch {
		case !strings.HasPrefix(name, "-"):
			words = append(words, args[i])
			continue
		case !glued && i+1 < len(args): // each flag that a callback has takes a value
			i++
			value = args[i]
		}
		if name := strings.TrimLeft(name, "-"); name == "c" || name == "config" {
			if _, err := os.Stat(value); errors.Is(err, os.ErrNotExist) {
				return fmt.Sprintf("got --config %s: no such file", value)
			}
		}
	}
	if len(words) == 1 && words[0] == "callback" {
		return ""
	}
	got := "nothing"
	if len(words) > 0 {
		got = strconv.Quote(strings.Join(words, " "))
	}
	return "got " + got + " behind vipctl, want callback, to which Patroni adds the event, the role and the cluster"
}

// wrapped says what can be seen of a program that is not vipctl: whether its file hands Patroni's
// words on to vipctl, as examples/vipctl-and does, or anything in its command or its file names it.
func wrapped(words []string, file string) reconcile.Finding {
	if text, err := readText(file); err == nil && strings.Contains(text, `vipctl callback "$@"`) {
		return reconcile.Finding{Level: reconcile.OK}
	}
	for i, word := range words {
		if i > 0 && strings.Contains(word, "vipctl") || strings.HasPrefix(word, "/") && mentionsVipctl(word) {
			return reconcile.Finding{Level: reconcile.Warning, Text: words[0] + " is not vipctl but names it: what it does cannot be seen; " +
				`it must run vipctl callback "$@" first and at once (docs/surroundings.md)`}
		}
	}
	return reconcile.Finding{Level: reconcile.Problem, Text: fmt.Sprintf("got %s, which is not vipctl and does not name it, want /usr/bin/vipctl callback", words[0])}
}

// mentionsVipctl reports whether a file of text, such as a script, names vipctl. One that cannot be
// read may.
func mentionsVipctl(file string) bool {
	text, err := readText(file)
	return errors.Is(err, os.ErrPermission) || strings.Contains(text, "vipctl") && !strings.HasPrefix(text, "\x7fELF")
}
