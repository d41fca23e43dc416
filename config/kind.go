package config

import (
	"cmp"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// wish says what a value should have been: a [Problem] without its place.
type wish struct {
	got  string // shown in place of the value's text, where that must not be shown
	want string
	hint string
}

// kind is a kind of value. parse reads one from the file's text, and returns a wish where the text
// is not right. show writes one as the file would have it.
type kind[T any] struct {
	parse func(text string) (T, *wish)
	show  func(T) string
}

// read returns the value of a key and its node. Where the key is not given or its value is not
// right, it returns the default and nil.
func read[T any](s section, key string, k kind[T], byDefault T) (T, *yaml.Node) {
	name, node := s.path+key, s.node(key)
	if node == nil {
		s.settings = append(s.settings, Setting{Name: name, Value: k.show(byDefault), Source: "default"})
		return byDefault, nil
	}
	if !s.plain(name, node) {
		return byDefault, nil
	}
	text, noText := node.Value, node.Kind != yaml.ScalarNode || isNull(node)
	if noText {
		text = "" // no kind accepts it: so its wish says what is wanted
	}
	value, wrong := k.parse(text)
	switch {
	case noText:
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
