package patroni

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fromEnvironment are the settings that are read here and that Patroni also takes from PATRONI_* variables.
var fromEnvironment = []string{
	"scope", "name",
	"restapi.listen", "restapi.connect_address", "restapi.certfile", "restapi.keyfile", "restapi.keyfile_password",
	"restapi.cafile", "restapi.verify_client",
	"ctl.insecure", "ctl.cacert", "ctl.certfile", "ctl.keyfile", "ctl.keyfile_password",
	"postgresql.data_dir", "postgresql.listen", "postgresql.connect_address",
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
	node *yaml.Node
	origin
	section map[string]entry
}

// readTree reads what Patroni would: patroni.yml, or the folder, and then the PATRONI_* variables of the environment file.
// PATRONI_CONFIGURATION counts where no file is named to Patroni, and then nothing else does (patroni/config.py, __init__).
func readTree(o Options) (*tree, error) {
	t := &tree{from: o.Config, entries: map[string]entry{}}
	if o.Config == "" && o.EnvironmentFile == "" {
		if o.Scope != "" && o.Name != "" {
			return t, nil
		}
		return nil, errors.New("nothing says which cluster and member this is: set patroni.config, also beside patroni.url")
	}
	if o.Config != "" {
		if err := t.readFiles(o.Config); err != nil {
			return nil, err
		}
	}
	if o.EnvironmentFile != "" {
		return t, t.readEnvironment(o.EnvironmentFile)
	}
	return t, nil
}

// readFiles merges the files in the order of their names.
func (t *tree) readFiles(path string) error {
	files, err := configFiles(path)
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := readFile(f)
		if err != nil {
			return err
		}
		m, err := parseYAML(f, data)
		if err != nil {
			return err
		}
		merge(t.entries, m, origin{file: f})
	}
	return nil
}

// merge lays a mapping over what is there, as Patroni's patch_config does: sections are merged, null deletes, anything
// else replaces, but for what str() makes the same of. No setting that is read here lies deeper than two sections, as
// postgresql.callbacks.on_start does; below that nothing is merged, for a mapping may contain itself. in says where the mapping
// is; its setting is the name of the section.
func merge(into map[string]entry, m *yaml.Node, in origin) {
	for key, value := range values(m) {
		e := entry{node: value, origin: origin{in.file, value.Line, key}}
		if in.setting != "" {
			e.setting = in.setting + "." + key
		}
		if in.line == inVariable {
			e.line = 0 // lines within a variable help nobody
		}
		lay(into, key, e, in)
	}
}

// inVariable is the line of what stands in PATRONI_CONFIGURATION, which is merged with nothing: a null stays there.
const inVariable = -1

// lay puts one value over what is there.
func lay(into map[string]entry, key string, e entry, in origin) {
	old := into[key]
	switch {
	case tagOf(e.node) == tagNull && in.line != inVariable:
		delete(into, key)
	case e.node.Kind == yaml.MappingNode && !strings.Contains(in.setting, "."):
		e.section = old.section
		if e.section == nil {
			e.section = map[string]entry{}
		}
		merge(e.section, e.node, origin{in.file, in.line, e.setting})
		into[key] = e
	case old.node != nil && old.node.Kind == yaml.ScalarNode && e.node.Kind == yaml.ScalarNode && pythonText(old.node) == pythonText(e.node):
	default:
		into[key] = e
	}
}

// values are a mapping's, by key: of a key that is there twice the last counts, a whole section too. Those of "<<" come first,
// so that the mapping's own win. Keys that are not text name no setting.
func values(m *yaml.Node) map[string]*yaml.Node { return flat{}.values(m) }

// flat has the values of the mappings that were looked at: anchors may pile up, so that each is looked at once.
type flat map[*yaml.Node]map[string]*yaml.Node

func (f flat) values(m *yaml.Node) map[string]*yaml.Node {
	if known, ok := f[m]; ok {
		return known // or being looked at: an anchor inside itself adds nothing
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

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// set lays the value of a variable over the setting that it stands for.
func (t *tree) set(key string, e entry) {
	name, inner, nested := strings.Cut(key, ".")
	if !nested {
		lay(t.entries, name, e, origin{})
		return
	}
	if t.entries[name].section == nil {
		t.entries[name] = entry{section: map[string]entry{}}
	}
	lay(t.entries[name].section, inner, e, origin{setting: name})
}

// entry returns what is known of a setting; its origin names the setting also where it is missing.
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
