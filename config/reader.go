package config

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader walks the document and collects what is wrong with it and what it sets.
type reader struct {
	file     string // for problems
	source   string // for settings: the file's last name and a colon
	problems Problems
	settings []Setting
}

func (r *reader) add(p Problem) {
	p.File = r.file
	r.problems = append(r.problems, p)
}

// complain adds a problem at a node.
func (r *reader) complain(at *yaml.Node, setting, got, want, hint string) {
	r.add(Problem{Line: at.Line, Column: at.Column, Setting: setting, Got: got, Want: want, Hint: hint})
}

// plain refuses what YAML can do and a configuration file does not need. Anchors and aliases would make one line stand
// for many, and a tag would change what a value is.
func (r *reader) plain(setting string, node *yaml.Node) bool {
	got := ""
	switch {
	case node.Kind == yaml.AliasNode:
		got = "the alias *" + quote(node.Value)
	case node.Anchor != "":
		got = "the anchor &" + quote(node.Anchor)
	case node.Style&yaml.TaggedStyle != 0:
		got = "the tag " + quote(node.Tag)
	default:
		return true
	}
	r.complain(node, setting, got, "plain YAML", "write the value itself")
	return false
}

// section is one mapping of the file: nodes[i] is the value behind keys[i], nil where that is not given.
type section struct {
	*reader
	path  string     // what its settings' names begin with: "", "patroni.", "vips[0]."
	at    *yaml.Node // where a missing setting is reported
	keys  []string
	nodes []*yaml.Node
	wrong bool     // the section itself was complained about: what is missing in it is not
	meant []string // known keys that an unknown one seems to stand for: they are not missing either
}

// section reads a mapping; which is its name for [keysOf]. A missing one (node is nil) is like an empty one.
func (r *reader) section(which, path string, at, node *yaml.Node) section {
	s := section{reader: r, path: path, at: at, keys: keysOf(which)}
	s.nodes = make([]*yaml.Node, len(s.keys))
	if node == nil {
		return s
	}
	s.at = node
	name := strings.TrimSuffix(path, ".")
	switch {
	case !r.plain(name, node):
		s.wrong = true
	case node.Kind == yaml.MappingNode:
		s.fill(name, node)
	case !isNull(node):
		hint := ""
		if which == "vips" {
			hint = "write - address: and interface: below it"
		}
		r.complain(node, name, describe(node), "the settings "+list(s.keys), hint)
		s.wrong = true
	}
	return s
}

// fill takes the nodes of the known keys out of the section's mapping and reports the other keys.
func (s *section) fill(name string, mapping *yaml.Node) {
	given := make([]*yaml.Node, len(s.keys))
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		key, value := mapping.Content[i], mapping.Content[i+1]
		at := slices.Index(s.keys, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode:
			s.complain(key, name, describe(key)+" as a setting's name", "one of "+list(s.keys), "")
		case key.Tag == "!!merge":
			s.complain(key, name, "the merge key <<", "plain YAML", "write the settings themselves")
		case at < 0:
			s.unknown(key)
		case given[at] != nil:
			s.complain(key, s.path+key.Value, "a setting that is set twice", "it set once", fmt.Sprintf("the first is on line %d", given[at].Line))
		case s.plain(s.path+key.Value, key):
			given[at], s.nodes[at] = key, value
		}
	}
}

// unknown reports a key that the section does not have.
func (s *section) unknown(key *yaml.Node) {
	hint := elsewhere(key.Value, s.path)
	if name := Closest(key.Value, s.keys); name != "" {
		s.meant = append(s.meant, name)
		hint = "did you mean " + name + "?"
	}
	s.complain(key, s.path+quote(key.Value), "an unknown setting", "one of "+list(s.keys), hint)
}

// node returns what stands behind a key, or nil.
func (s section) node(key string) *yaml.Node { return s.nodes[slices.Index(s.keys, key)] }

// sub reads the section behind a key.
func (s section) sub(key string) section {
	sub := s.section(key, s.path+key+".", s.at, s.node(key))
	sub.wrong = sub.wrong || slices.Contains(s.meant, key)
	return sub
}

// absent reports whether a setting is not there, and no complaint has said anything of it or of the section.
func (s section) absent(key string) bool {
	return s.node(key) == nil && !s.wrong && !slices.Contains(s.meant, key)
}

// missing reports a setting that has no default, where it is absent.
func (s section) missing(key, want, hint string) {
	if s.absent(key) {
		s.complain(s.at, s.path+key, "nothing", want, hint)
	}
}

// wish is what a value should have been.
type wish struct {
	got  string // in place of the value's text, where that must not be shown
	want string
	hint string
}

// kind is a kind of value: how it is read, and how it is written.
type kind[T any] struct {
	parse func(text string) (T, *wish)
	show  func(T) string
}

// read returns the value behind a key and where it stands, or the default and nil where the key is not given or its
// value is not right.
func read[T any](s section, key string, k kind[T], byDefault T) (T, *yaml.Node) {
	name, node := s.path+key, s.node(key)
	if node == nil {
		s.settings = append(s.settings, Setting{Name: name, Value: k.show(byDefault), Source: "default"})
		return byDefault, nil
	}
	if !s.plain(name, node) {
		return byDefault, nil
	}
	text, odd := node.Value, node.Kind != yaml.ScalarNode || isNull(node)
	if odd {
		text = "" // which no kind takes, so that its wish says what is wanted
	}
	value, wrong := k.parse(text)
	switch {
	case odd:
		s.complain(node, name, describe(node), wrong.want, "")
	case wrong != nil:
		s.complain(node, name, cmp.Or(wrong.got, quote(text)), wrong.want, wrong.hint)
	default:
		source := s.source + strconv.Itoa(node.Line)
		s.settings = append(s.settings, Setting{Name: name, Value: k.show(value), Source: source})
		return value, node
	}
	return byDefault, nil
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
