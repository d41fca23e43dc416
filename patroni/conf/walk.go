package conf

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// deepestMapping bounds how deep mappings are read, since one may contain itself. Patroni's own
// settings end at five.
const deepestMapping = 10

// eachMapping calls each with every mapping of the configuration's files as it stands there, before
// anything is merged. path is "" for the whole file, "postgresql.parameters" for one inside.
func eachMapping(from Source, each func(file, path string, m *yaml.Node)) {
	if from.Config == "" {
		return
	}
	files, _ := configFiles(from.Config) // the error of [Read] says what is wrong with them
	for _, f := range files {
		data, err := ReadFile(f)
		if err != nil {
			continue
		}
		if m, err := parseYAML(f, data); err == nil {
			walkMappings(m, "", deepestMapping, func(path string, m *yaml.Node) { each(f, path, m) })
		}
	}
}

func walkMappings(n *yaml.Node, path string, depth int, each func(path string, m *yaml.Node)) {
	switch {
	case depth == 0:
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			walkMappings(item, path, depth-1, each)
		}
	case n.Kind == yaml.MappingNode:
		each(path, n)
		for i := 0; i+1 < len(n.Content); i += 2 {
			walkMappings(n.Content[i+1], strings.TrimPrefix(path+"."+n.Content[i].Value, "."), depth-1, each)
		}
	}
}
