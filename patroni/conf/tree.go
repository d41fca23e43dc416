package conf

import (
	"errors"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fromEnvironment are the settings that are read here and that Patroni also takes from PATRONI_*
// variables.
var fromEnvironment = []string{
	"scope", "name",
	"restapi.listen", "restapi.connect_address", "restapi.certfile", "restapi.keyfile", "restapi.keyfile_password",
	"restapi.cafile", "restapi.verify_client",
	"ctl.insecure", "ctl.cacert", "ctl.certfile", "ctl.keyfile", "ctl.keyfile_password",
	"postgresql.data_dir", "postgresql.listen", "postgresql.connect_address",
}

// configuration is the variable that has the whole of patroni.yml in it.
const configuration = "PATRONI_CONFIGURATION"

// variableOf is the variable that stands for a setting.
func variableOf(key string) string {
	return "PATRONI_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// tree is Patroni's merged configuration, no deeper than the settings that are read here.
type tree struct {
	from    string // what was read, for settings that are missing
	entries map[string]entry
}

// entry is a value and where it came from, or a section.
type entry struct {
	node *yaml.Node
	Origin
	section map[string]entry
}

// readTree reads what Patroni would: patroni.yml, or the folder, and then the PATRONI_* variables
// of the environment file. PATRONI_CONFIGURATION counts where no file is named to Patroni, and then
// nothing else does (patroni/config.py, __init__).
func readTree(from Source) (*tree, error) {
	t := &tree{from: from.Config, entries: map[string]entry{}}
	if from.Config == "" && from.EnvironmentFile == "" {
		if from.Scope != "" && from.Name != "" {
			return t, nil
		}
		return nil, errors.New("nothing says which cluster and member this is: set patroni.config, also beside patroni.url")
	}
	if from.Config != "" {
		if err := t.readFiles(from.Config); err != nil {
			return nil, err
		}
	}
	if from.EnvironmentFile != "" {
		return t, t.readEnvironment(from.EnvironmentFile)
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
		data, err := ReadFile(f)
		if err != nil {
			return err
		}
		m, err := parseYAML(f, data)
		if err != nil {
			return err
		}
		merge(t.entries, m, Origin{file: f})
	}
	return nil
}

// readEnvironment lays the PATRONI_* variables of the file over the settings. Patroni ignores empty
// ones.
func (t *tree) readEnvironment(path string) error {
	data, err := ReadFile(path)
	if err != nil {
		return err
	}
	variables := parseEnvironment(string(data))
	if t.from == "" {
		t.from = path
		if text := variables[configuration]; text != "" {
			return t.readVariable(path, text)
		}
	}
	for _, key := range fromEnvironment {
		name := variableOf(key)
		value := &yaml.Node{Kind: yaml.ScalarNode, Style: yaml.TaggedStyle, Tag: tagText, Value: variables[name]}
		if value.Value == "" {
			continue
		}
		if key == "ctl.insecure" {
			if _, known := parseBool(value.Value); !known {
				continue // as Patroni does
			}
			value.Tag = tagBool
		}
		t.set(key, entry{node: value, Origin: Origin{file: path, setting: name}})
	}
	return nil
}

// readVariable reads the settings in PATRONI_CONFIGURATION.
func (t *tree) readVariable(path, text string) error {
	m, err := parseYAML(path+": "+configuration, []byte(text))
	if err != nil {
		return err
	}
	merge(t.entries, m, Origin{file: path + ": " + configuration, line: inVariable})
	return nil
}

// merge lays a mapping over what is there, as Patroni's patch_config does: sections are merged,
// null deletes, anything else replaces, but for what str() makes the same of. No setting that is
// read here lies deeper than two sections, as postgresql.callbacks.on_start does; below that
// nothing is merged, for a mapping may contain itself. in says where the mapping is; its setting is
// the name of the section.
func merge(into map[string]entry, m *yaml.Node, in Origin) {
	for key, value := range values(m) {
		e := entry{node: value, Origin: Origin{in.file, value.Line, key}}
		if in.setting != "" {
			e.setting = in.setting + "." + key
		}
		if in.line == inVariable {
			e.line = 0 // lines within a variable help nobody
		}
		lay(into, key, e, in)
	}
}

// inVariable is the line of what stands in PATRONI_CONFIGURATION, which is merged with nothing: a
// null stays there.
const inVariable = -1

// lay puts one value over what is there.
func lay(into map[string]entry, key string, e entry, in Origin) {
	old := into[key]
	switch {
	case tagOf(e.node) == tagNull && in.line != inVariable:
		delete(into, key)
	case e.node.Kind == yaml.MappingNode && !strings.Contains(in.setting, "."):
		e.section = old.section
		if e.section == nil {
			e.section = map[string]entry{}
		}
		merge(e.section, e.node, Origin{in.file, in.line, e.setting})
		into[key] = e
	case old.node != nil && old.node.Kind == yaml.ScalarNode && e.node.Kind == yaml.ScalarNode && pythonText(old.node) == pythonText(e.node):
	default:
		into[key] = e
	}
}

// set lays the value of a variable over the setting that it stands for.
func (t *tree) set(key string, e entry) {
	name, inner, nested := strings.Cut(key, ".")
	if !nested {
		lay(t.entries, name, e, Origin{})
		return
	}
	if t.entries[name].section == nil {
		t.entries[name] = entry{section: map[string]entry{}}
	}
	lay(t.entries[name].section, inner, e, Origin{setting: name})
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
