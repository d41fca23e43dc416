package reconcile

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Finding is one thing that was looked at for people: whether clients reach a VIP, and vipctl can
// move it. No decision depends on it.
type Finding struct {
	Level Level  `json:"level"`
	Text  string `json:"text"` // one line: the setting or command that mends it is in it
}

// Level is how a finding came out.
type Level string

// The levels. A warning may cost clients something on some day; a problem keeps vipctl from its
// job, or clients from the VIP, now.
const (
	OK      Level = "ok"
	Warning Level = "warning"
	Problem Level = "problem"
)

// Findings collects them.
type Findings []Finding

// Add adds one, in [Printable] text: it quotes what stands in others' files.
func (f *Findings) Add(l Level, format string, args ...any) {
	*f = append(*f, Finding{l, Printable(fmt.Sprintf(format, args...))})
}

// Failed adds an error as a problem, if there is one.
func (f *Findings) Failed(err error) bool {
	if err != nil {
		f.Add(Problem, "%v", err)
	}
	return err != nil
}

// Printable is a text that is one line and moves no terminal's cursor: one that would is written
// with Go's escapes.
func Printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}
