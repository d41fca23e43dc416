package conf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader takes typed settings out of the tree, and collects what is wrong with those that it is
// asked for.
type reader struct {
	*tree
	problems Problems
}

// text is a setting that must be text; "" where there is none.
func (r *reader) text(key string) string {
	if r.absent(key) {
		return ""
	}
	e := r.entry(key)
	if tagOf(e.node) != tagText {
		r.wrong(key, "text (in quotes, if it looks like a number)")
		return ""
	}
	return e.node.Value
}

// absent reports whether a setting is not there, or null.
func (r *reader) absent(key string) bool {
	e := r.entry(key)
	return e.node == nil || tagOf(e.node) == tagNull
}

// optional is a setting that is text, or that Python takes for nothing: false, 0 or an empty list
// are as good as none.
func (r *reader) optional(key string) string {
	if e := r.entry(key); e.node != nil && falsy(e.node) {
		return ""
	}
	return r.text(key)
}

// first is the first of the settings that has a value, as Patroni's "or" takes it, and where it
// stands.
func (r *reader) first(keys ...string) (value string, from Origin) {
	for _, key := range keys {
		if value = r.optional(key); value != "" {
			return value, r.entry(key).Origin
		}
	}
	return "", Origin{}
}

// flag is a setting that must be a truth value; false where there is none.
func (r *reader) flag(key string) bool {
	if r.absent(key) {
		return false
	}
	e := r.entry(key)
	value, known := parseBool(e.node.Value)
	if !known {
		r.wrong(key, "true or false")
	}
	return value
}

// wrong notes that a setting cannot be used, once.
func (r *reader) wrong(key, want string) {
	e := r.entry(key)
	p := Problem{File: e.file, Line: e.line, Setting: e.setting, Got: given(e.node), Want: want}
	if strings.Contains(key, "password") {
		p.Got = "something else"
	}
	if !slices.ContainsFunc(r.problems, func(q Problem) bool { return q.Setting == p.Setting }) {
		r.problems = append(r.problems, p)
	}
}

// given says what a node is, and what Patroni reads it as where that is something else.
func given(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "a list or a section"
	}
	switch tagOf(n) {
	case tagText:
		return strconv.Quote(n.Value)
	case tagNull:
		return "nothing"
	case tagInt:
		if number, ok := wholeNumber(n.Value); ok && number.String() != n.Value {
			return fmt.Sprintf("%s, which YAML 1.1 reads as the number %s", n.Value, number)
		}
	case tagBool:
		return n.Value + ", which YAML 1.1 reads as a truth value"
	case tagTime:
		return n.Value + ", which YAML 1.1 reads as a date"
	}
	return n.Value
}

// demand notes that a setting is missing, or there and of no use.
func (r *reader) demand(key, want string) {
	if r.entry(key).node != nil {
		r.wrong(key, want)
		return
	}
	r.problems = append(r.problems, Problem{File: r.from, Setting: key, Got: "nothing", Want: want})
}
