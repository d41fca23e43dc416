package conf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/reconcile"
)

// FindTwice finds keys that stand more than once in a mapping. PyYAML, by which Patroni reads,
// takes the last one and says nothing (yaml/constructor.py, construct_mapping). With a second
// postgresql: that has callbacks only, a reload of Patroni 3.0.2 fails in the middle and the next
// start ends with KeyError: 'data_dir' (tried).
func FindTwice(from Source) (found reconcile.Findings) {
	eachMapping(from, func(file, path string, m *yaml.Node) {
		values := map[string][]*yaml.Node{} // the key, then its value, of each time
		for i := 0; i+1 < len(m.Content); i += 2 {
			key := m.Content[i].Value
			if m.Content[i].ShortTag() == "!!merge" {
				continue // each of them counts
			}
			values[key] = append(values[key], m.Content[i], m.Content[i+1])
			if len(values[key]) > 2 && last(m, i) {
				addTwice(&found, file, strings.TrimPrefix(path+"."+key, "."), values[key])
			}
		}
	})
	return found
}

// last reports whether the ith key of a mapping does not come again.
func last(m *yaml.Node, i int) bool {
	for j := i + 2; j+1 < len(m.Content); j += 2 {
		if m.Content[j].Value == m.Content[i].Value {
			return false
		}
	}
	return true
}

// addTwice says of one key what is lost. A section that goes takes settings with it that Patroni
// needs; of two values one was meant.
func addTwice(found *reconcile.Findings, file, name string, times []*yaml.Node) {
	var lines, lost []string
	taken := times[len(times)-1]
	for i := 0; i < len(times); i += 2 {
		lines = append(lines, strconv.Itoa(times[i].Line))
		lost = append(lost, keysBeside(times[i+1], taken)...)
	}
	level, loses := reconcile.Warning, ""
	if len(lost) > 0 {
		level, loses = reconcile.Problem, fmt.Sprintf(" and loses %s at its next reload or start", strings.Join(lost, ", "))
	}
	found.Add(level, "%s:%s: %s stands there %d times, want it once: Patroni takes the last one alone%s",
		file, strings.Join(lines, ","), name, len(lines), loses)
}

// keysBeside are the keys of a mapping that another does not have.
func keysBeside(m, other *yaml.Node) (keys []string) {
	m, other = resolve(m), resolve(other)
	if m == other || m.Kind != yaml.MappingNode {
		return nil
	}
	there := map[string]*yaml.Node{}
	if other.Kind == yaml.MappingNode {
		there = values(other)
	}
	for _, key := range slices.Sorted(maps.Keys(values(m))) {
		if there[key] == nil {
			keys = append(keys, key)
		}
	}
	return keys
}
