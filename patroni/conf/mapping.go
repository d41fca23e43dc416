package conf

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

// values are a mapping's, by key: of a key that is there twice the last counts, a whole section
// too. Those of "<<" come first, so that the mapping's own win. Keys that are not text name no
// setting.
func values(m *yaml.Node) map[string]*yaml.Node { return flat{}.values(m) }

// flat has the values of the mappings that were flattened so far: anchors may pile up, so that each
// is flattened once.
type flat map[*yaml.Node]map[string]*yaml.Node

func (f flat) values(m *yaml.Node) map[string]*yaml.Node {
	if known, ok := f[m]; ok {
		return known // or still being flattened: an anchor inside itself adds nothing
	}
	merged, own := map[string]*yaml.Node{}, map[string]*yaml.Node{}
	f[m] = nil
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := resolve(m.Content[i]), resolve(m.Content[i+1])
		switch tag := tagOf(key); {
		case key.Kind == yaml.ScalarNode && tag == tagText:
			own[key.Value] = value
		case tag == tagMerge:
			for _, from := range mergedFrom(value) {
				maps.Copy(merged, f.values(from))
			}
		}
	}
	maps.Copy(merged, own)
	f[m] = merged
	return merged
}

// mergedFrom are the mappings that "<<" takes in, the one that wins last: the first of a list.
func mergedFrom(value *yaml.Node) (from []*yaml.Node) {
	if value.Kind == yaml.MappingNode {
		return []*yaml.Node{value}
	}
	for _, n := range slices.Backward(value.Content) {
		if n = resolve(n); n.Kind == yaml.MappingNode {
			from = append(from, n)
		}
	}
	return from
}

// resolve is the node that an alias stands for, and any other node itself.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// place is where a node stands.
func place(file string, n *yaml.Node) string {
	if n == nil || n.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, n.Line)
}
