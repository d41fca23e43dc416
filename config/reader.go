package config

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader collects what is wrong with a file, and what the file sets.
type reader struct {
	file     string // for problems
	source   string // for settings: the file's last name and a colon
	problems Problems
	settings []Setting // effective ones
}

func (r *reader) add(p Problem) {
	p.File = r.file
	r.problems = append(r.problems, p)
}

// complain adds a problem at a node.
func (r *reader) complain(at *yaml.Node, setting, got, want, hint string) {
	r.add(Problem{Line: at.Line, Column: at.Column, Setting: setting, Got: got, Want: want, Hint: hint})
}

// plain reports whether a node is plain YAML, and complains where it is not.
func (r *reader) plain(setting string, node *yaml.Node) bool {
	got := notPlain(node)
	if got != "" {
		r.complain(node, setting, got, "plain YAML", "write the value itself")
	}
	return got == ""
}

// notPlain names what YAML can do and a configuration file does not need, "" where the node has
// none of it. Anchors and aliases would make one line stand for many, and a tag would change what a
// value is.
func notPlain(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.AliasNode:
		return "the alias *" + quote(node.Value)
	case node.Anchor != "":
		return "the anchor &" + quote(node.Anchor)
	case node.Style&yaml.TaggedStyle != 0:
		return "the tag " + quote(node.Tag)
	}
	return ""
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.Tag == "!!null" }

// describe says what a node is.
func describe(node *yaml.Node) string {
	switch {
	case node.Kind == yaml.AliasNode:
		return "an alias"
	case node.Kind == yaml.SequenceNode:
		return "a list"
	case node.Kind == yaml.MappingNode:
		return "a mapping"
	case isNull(node):
		return "nothing"
	}
	return quote(node.Value)
}

// list joins words for a sentence.
func list(words []string) string { return strings.Join(words, ", ") }
