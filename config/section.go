package config

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// section is one mapping of the file. nodes[i] is the value of keys[i], nil where the file does not
// give that key.
type section struct {
	*reader
	path  string     // what the names of its settings begin with: "", "patroni.", "vips[0]."
	at    *yaml.Node // where a missing setting is reported
	keys  []string
	nodes []*yaml.Node
	wrong bool     // a complaint was made about the section itself: none is made about what is missing in it
	meant []string // known keys that an unknown one seems to stand for: none is made about these either
}

// newSection reads a mapping. which is its name for [keysOf]. Where node is nil, the section is as
// an empty one, and at is where a missing setting is reported.
func newSection(r *reader, which, path string, at, node *yaml.Node) section {
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

// node is the value of a key, or nil.
func (s section) node(key string) *yaml.Node { return s.nodes[slices.Index(s.keys, key)] }

// sub reads the section that is the value of a key.
func (s section) sub(key string) section {
	sub := newSection(s.reader, key, s.path+key+".", s.at, s.node(key))
	sub.wrong = sub.wrong || slices.Contains(s.meant, key)
	return sub
}

// absent reports whether the file does not give a setting, and no complaint was made about it or
// about the section.
func (s section) absent(key string) bool {
	return s.node(key) == nil && !s.wrong && !slices.Contains(s.meant, key)
}

// missing complains about a setting without a default, where it is absent.
func (s section) missing(key, want, hint string) {
	if s.absent(key) {
		s.complain(s.at, s.path+key, "nothing", want, hint)
	}
}
