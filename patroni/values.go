package patroni

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// text is a setting that must be text; "" where there is none.
func (t *tree) text(key string) string {
	if t.absent(key) {
		return ""
	}
	e := t.entry(key)
	if tagOf(e.node) != tagText {
		t.wrong(key, "text (in quotes, if it looks like a number)")
		return ""
	}
	return e.node.Value
}

// absent reports whether a setting is not there, or null.
func (t *tree) absent(key string) bool {
	e := t.entry(key)
	return e.node == nil || tagOf(e.node) == tagNull
}

// optional is a setting that is text, or that Python takes for nothing: false, 0 or an empty list are as good as none.
func (t *tree) optional(key string) string {
	if e := t.entry(key); e.node != nil && falsy(e.node) {
		return ""
	}
	return t.text(key)
}

// first is the first of the settings that has a value, as Patroni's "or" takes it, and where it stands.
func (t *tree) first(keys ...string) (value string, from origin) {
	for _, key := range keys {
		if value = t.optional(key); value != "" {
			return value, t.entry(key).origin
		}
	}
	return "", origin{}
}

// flag is a setting that must be a truth value; false where there is none.
func (t *tree) flag(key string) bool {
	if t.absent(key) {
		return false
	}
	e := t.entry(key)
	value, known := parseBool(e.node.Value)
	if !known {
		t.wrong(key, "true or false")
	}
	return value
}

// parseBool knows the words that Patroni's parse_bool knows.
func parseBool(text string) (value, known bool) {
	switch strings.ToLower(text) {
	case "on", "true", "yes", "1":
		return true, true
	case "off", "false", "no", "0":
		return false, true
	}
	return false, false
}

// wrong notes that a setting cannot be used, once.
func (t *tree) wrong(key, want string) {
	e := t.entry(key)
	p := Problem{File: e.file, Line: e.line, Setting: e.setting, Got: given(e.node), Want: want}
	if strings.Contains(key, "password") {
		p.Got = "something else"
	}
	if !slices.ContainsFunc(t.problems, func(q Problem) bool { return q.Setting == p.Setting }) {
		t.problems = append(t.problems, p)
	}
}

// given says what a node is, and what Patroni takes it for where that is not what it looks like.
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
func (t *tree) demand(key, want string) {
	if t.entry(key).node != nil {
		t.wrong(key, want)
		return
	}
	t.problems = append(t.problems, Problem{File: t.from, Setting: key, Got: "nothing", Want: want})
}
