package conf

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vipctl/vipctl/reconcile"
)

// Problem is one setting that cannot be used.
type Problem struct {
	File    string // empty for a setting that is not in any file
	Line    int    // 0 where there is none
	Setting string
	Got     string // what was given, quoted where it is text; "nothing" when it is missing
	Want    string
}

// Error names the file, the setting, what was given and what is wanted.
func (p Problem) Error() string {
	where := p.File
	if where != "" && p.Line > 0 {
		where += ":" + strconv.Itoa(p.Line)
	}
	text := fmt.Sprintf("%s: got %s, want %s", strings.TrimSuffix(where+": "+p.Setting, ": "), p.Got, p.Want)
	return reconcile.Printable(strings.TrimPrefix(text, ": "))
}

// Problems are all that is wrong with a configuration, on one line.
type Problems []Problem

// Error joins the problems with semicolons.
func (ps Problems) Error() string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.Error()
	}
	return strings.Join(texts, "; ")
}
