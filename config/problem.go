package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Problem is one thing that is wrong with a configuration file.
type Problem struct {
	File    string // as it was given to [Load]
	Line    int    // 0 where the file as a whole is meant
	Column  int    // 0 likewise
	Setting string // "vips[0].address"; empty where no single setting is meant
	Got     string // what the file has
	Want    string // what would be right
	Hint    string // the next step; may be empty
	Err     error  // the cause where the file could not be read; else nil
}

// Error is the problem on one line: "vipctl.yml:7: interval: got 5, want a duration from 500ms to
// 30s (write 5s)".
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Setting != "" {
		b.WriteString(": " + p.Setting)
	}
	fmt.Fprintf(&b, ": got %s, want %s", p.Got, p.Want)
	if p.Hint != "" {
		fmt.Fprintf(&b, " (%s)", p.Hint)
	}
	return b.String()
}

// Unwrap gives the cause, so that errors.Is finds fs.ErrNotExist and fs.ErrPermission.
func (p Problem) Unwrap() error { return p.Err }

// Problems is everything that is wrong with a configuration file, in the order of the file's lines.
// As an error it is never empty.
type Problems []Problem

// Error is one line a problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each problem to errors.Is and errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// quoteMost is how many bytes of the file's text a message repeats.
const quoteMost = 80

// quote shows a piece of the file in a message. Plain text is shown as it is. Other text is quoted,
// so that no line break and no terminal escape gets into the message. Long text is cut.
func quote(text string) string {
	long := len(text) > quoteMost
	if long {
		text = strings.ToValidUTF8(text[:quoteMost], "")
	}
	q := strconv.Quote(text)
	if text != "" && strings.TrimSpace(text) == text && q == `"`+text+`"` {
		q = text
	}
	if long {
		q += "..."
	}
	return q
}
