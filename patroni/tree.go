package patroni

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v3"
)

// maxFile is far above any configuration; what is longer is some other file.
const maxFile = 4 << 20

// fromEnvironment are the settings that are read here and that Patroni also takes from PATRONI_* variables.
var fromEnvironment = []string{
	"scope", "name",
	"restapi.listen", "restapi.connect_address", "restapi.certfile", "restapi.cafile", "restapi.verify_client",
	"ctl.insecure", "ctl.cacert", "ctl.certfile", "ctl.keyfile", "ctl.keyfile_password",
	"postgresql.data_dir", "postgresql.connect_address", "postgresql.listen",
}

// tree is Patroni's merged configuration, no deeper than the settings that are read here, and what was found wrong
// with them.
type tree struct {
	from     string // what was read, for settings that are missing
	entries  map[string]entry
	problems Problems
}

// entry is a value and where it came from, or a section.
type entry struct {
	node    *yaml.Node
	file    string
	setting string // its name in that file, where it is not the name in patroni.yml
	section map[string]entry
}

// readTree reads patroni.yml, or the folder, and then the environment file.
func readTree(o Options) (*tree, error) {
	t := &tree{from: o.Config, entries: map[string]entry{}}
	if o.Config == "" && o.EnvironmentFile == "" {
		return nil, errors.New("nothing says which cluster and member this is: set patroni.config, also beside patroni.url")
	}
	var files []string
	var err error
	if o.Config != "" {
		if files, err = configFiles(o.Config); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		m, err := readYAML(f)
		if err != nil {
			return nil, err
		}
		merge(t.entries, m, f, deepest)
	}
	if o.EnvironmentFile != "" {
		return t, t.readEnvironment(o.EnvironmentFile)
	}
	return t, nil
}

// configFiles lists what Patroni would read: the file itself, or the regular *.yml and *.yaml files of the folder in
// the order of their names.
func configFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path) // sorted by bytes, which for UTF-8 is Python's order too
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		file := filepath.Join(path, e.Name())
		if !strings.HasSuffix(file, ".yml") && !strings.HasSuffix(file, ".yaml") {
			continue
		}
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files, nil
}

// readFile reads a regular file. It never waits: opening a named pipe would.
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("%s: longer than %d MiB", path, maxFile>>20)
	}
	return data, err
}

// readYAML returns the file's top-level mapping.
func readYAML(file string) (*yaml.Node, error) {
	data, err := readFile(file)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	// The nodes are read as they are: decoding them would refuse a key that is there twice, where Patroni takes the last.
	if len(doc.Content) != 1 || resolve(doc.Content[0]).Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: got no mapping, want Patroni's settings as YAML", file)
	}
	return resolve(doc.Content[0]), nil
}

// deepest is how many sections lie above the deepest setting that is read here, postgresql.callbacks.on_start. Below that
// nothing is merged: a mapping may contain itself.
const deepest = 2

// merge lays a mapping over what is there, as Patroni's patch_config does: sections are merged, null deletes, anything
// else replaces.
func merge(into map[string]entry, m *yaml.Node, file string, depth int) {
	for _, p := range pairs(m, 0) {
		key, value := p.key, resolve(p.value)
		switch {
		case value.ShortTag() == "!!null":
			delete(into, key)
		case value.Kind == yaml.MappingNode && depth > 0:
			section := into[key].section
			if section == nil {
				section = map[string]entry{}
			}
			merge(section, value, file, depth-1)
			into[key] = entry{node: value, file: file, section: section}
		default:
			into[key] = entry{node: value, file: file}
		}
	}
}

type pair struct {
	key   string
	value *yaml.Node
}

// pairs lists a mapping's keys and values. Those of "<<" come first, so that the mapping's own win.
func pairs(m *yaml.Node, depth int) []pair {
	var merged, own []pair
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], resolve(m.Content[i+1])
		if key.ShortTag() != "!!merge" {
			own = append(own, pair{key.Value, value})
			continue
		}
		if depth > 8 {
			continue // an anchor inside itself
		}
		from := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			from = slices.Clone(value.Content)
			slices.Reverse(from) // the first of a list wins
		}
		for _, n := range from {
			if n = resolve(n); n.Kind == yaml.MappingNode {
				merged = append(merged, pairs(n, depth+1)...)
			}
		}
	}
	return append(merged, own...)
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// readEnvironment lays the PATRONI_* variables of the file over the settings. Patroni ignores empty ones.
func (t *tree) readEnvironment(path string) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	if t.from == "" {
		t.from = path
	}
	variables := parseEnvironment(string(data))
	for _, key := range fromEnvironment {
		name := "PATRONI_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
		value := variables[name]
		if value == "" {
			continue
		}
		if _, known := parseBool(value); key == "ctl.insecure" && !known {
			continue // as Patroni does
		}
		t.set(key, entry{node: &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}, file: path, setting: name})
	}
	return nil
}

func (t *tree) set(key string, e entry) {
	name, inner, nested := strings.Cut(key, ".")
	if !nested {
		t.entries[name] = e
		return
	}
	if t.entries[name].section == nil {
		t.entries[name] = entry{section: map[string]entry{}}
	}
	t.entries[name].section[inner] = e
}

func (t *tree) entry(key string) entry {
	name, inner, nested := strings.Cut(key, ".")
	e := t.entries[name]
	if nested {
		e = e.section[inner]
	}
	if e.setting == "" {
		e.setting = key
	}
	return e
}
