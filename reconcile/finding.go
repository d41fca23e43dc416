package reconcile

import "fmt"

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

// Add adds one.
func (f *Findings) Add(l Level, format string, args ...any) {
	*f = append(*f, Finding{l, fmt.Sprintf(format, args...)})
}

// Failed adds an error as a problem, if there is one.
func (f *Findings) Failed(err error) bool {
	if err != nil {
		f.Add(Problem, "%v", err)
	}
	return err != nil
}
