package patroni

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// text is a setting that must be text; "" where there is none.
func (t *tree) text(key string) string {
	e := t.entry(key)
	if e.node == nil {
		return ""
	}
	if e.node.Kind != yaml.ScalarNode || e.node.ShortTag() != "!!str" {
		t.wrong(key, "text (in quotes, if it looks like a number)")
		return ""
	}
	return e.node.Value
}

// flag is a setting that must be a truth value; false where there is none.
func (t *tree) flag(key string) bool {
	e := t.entry(key)
	if e.node == nil {
		return false
	}
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
	p := Problem{File: e.file, Line: e.node.Line, Setting: e.setting, Got: strconv.Quote(e.node.Value), Want: want}
	switch {
	case strings.Contains(key, "password"):
		p.Got = "something else"
	case e.node.Kind != yaml.ScalarNode:
		p.Got = "a list or a section"
	case e.node.ShortTag() != "!!str":
		p.Got = e.node.Value
	}
	if !slices.ContainsFunc(t.problems, func(q Problem) bool { return q.Setting == p.Setting }) {
		t.problems = append(t.problems, p)
	}
}

// demand notes that a setting is missing, or there and of no use.
func (t *tree) demand(key, want string) {
	if t.entry(key).node != nil {
		t.wrong(key, want)
		return
	}
	t.problems = append(t.problems, Problem{File: t.from, Setting: key, Got: "nothing", Want: want})
}
