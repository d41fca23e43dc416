package conf

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/reconcile"
)

// Command is what Patroni runs upon an event, before it appends the event, the role and the
// cluster's name.
type Command struct {
	Event string   // "on_start"
	Words []string // one at least
	Where string   // that says so: file and line
}

// The events that Patroni runs a callback for (patroni/postgresql/callback_executor.py,
// CallbackAction), and those of them whose callback an address must follow at once.
var (
	callbackEvents = [...]string{"on_start", "on_stop", "on_role_change", "on_restart", "on_reload"}
	neededEvents   = callbackEvents[:3]
)

const callbacksKey = "postgresql.callbacks"

// Callbacks returns the commands that Patroni runs, in the order of their events, and what is wrong
// with where and how they are configured. A callbacks section of patroni.yml counts as a whole;
// only where it has none Patroni takes the one of the dynamic configuration (patroni/config.py,
// _build_effective_configuration), and only then dynamic is called: it returns the commands there
// by event, or why they are not known. No PATRONI_* variable sets a callback. What the commands do
// is not judged.
func Callbacks(from Source, dynamic func() (map[string]any, error)) ([]Command, reconcile.Findings) {
	t, err := readTree(from)
	if err != nil || t.from == "" {
		return nil, nil // Read says so; where vipctl.yml says whom to ask, there is no file to look at
	}
	set := callbackSet{where: t.from, lines: map[string]string{}, values: map[string]any{}}
	emptied := emptiedCallbacks(from)
	switch e := t.entries["postgresql"].section["callbacks"]; {
	case e.section != nil:
		set.fromFile(e)
	case e.node != nil:
		set.found.Failed(Problem{e.file, e.node.Line, callbacksKey, fmt.Sprintf("%q", e.node.Value), "a mapping, as examples/patroni.yml has it"})
		return nil, set.found
	case emptied != "":
		set.where = emptied
	default:
		set.fromDCS(dynamic())
	}
	return set.commands(unreadCallbacks(from)), set.found
}

// callbackSet is one callbacks section.
type callbackSet struct {
	where   string            // it stands
	lines   map[string]string // where each event's command stands
	values  map[string]any    // text, in a good one
	unknown string            // why the dynamic configuration is not known; "" where it is, or does not count
	found   reconcile.Findings
}

func (s *callbackSet) fromFile(e entry) {
	s.where = place(e.file, e.node)
	for event, command := range e.section {
		s.lines[event] = place(command.file, command.node)
		s.values[event] = command.node.Value
		if command.node.Kind != yaml.ScalarNode {
			s.values[event] = nil
		}
	}
}

func (s *callbackSet) fromDCS(commands map[string]any, err error) {
	const where = "the dynamic configuration (patronictl show-config)"
	if err != nil {
		s.unknown = err.Error()
		return
	}
	for event, command := range commands {
		s.where, s.lines[event], s.values[event] = where, where, command
	}
}

// commands takes the section apart. unread says where callbacks stand that Patroni does not read.
func (s *callbackSet) commands(unread []string) (all []Command) {
	var missing []string
	for _, event := range callbackEvents {
		text, known := s.values[event].(string)
		words, err := splitWords(text)
		switch {
		case err != nil:
			s.found.Add(reconcile.Problem, "%s: %s.%s: got %q: %v: Patroni cannot run it", s.lines[event], callbacksKey, event, text, err)
		case len(words) > 0:
			all = append(all, Command{event, words, s.lines[event]})
		case known || s.lines[event] != "":
			s.found.Add(reconcile.Problem, "%s: %s.%s: got no command as text, want /usr/bin/vipctl callback", s.lines[event], callbacksKey, event)
		case slices.Contains(neededEvents, event):
			missing = append(missing, event)
		}
	}
	s.findMissing(missing, unread)
	for _, event := range slices.Sorted(maps.Keys(s.lines)) {
		if !slices.Contains(callbackEvents[:], event) {
			s.found.Add(reconcile.Warning, "%s: %s.%s: Patroni knows no such callback and never runs it, want one of %s",
				s.lines[event], callbacksKey, event, strings.Join(callbackEvents[:4], ", "))
		}
	}
	return all
}

// findMissing finds events without a command, and says what that costs.
func (s *callbackSet) findMissing(missing, unread []string) {
	if len(missing) == 0 {
		return
	}
	got := "no " + strings.Join(missing, ", ")
	if len(s.lines) == 0 {
		got = "nothing"
	}
	if len(unread) > 0 {
		got += " (Patroni does not read " + strings.Join(unread, ", ") + ")"
	}
	if s.unknown != "" {
		got += " (what the dynamic configuration has is not known: " + s.unknown + ")"
	}
	s.found.Add(reconcile.Problem, "%s: %s: got %s, want what examples/patroni.yml has: without these callbacks the VIPs wait in a switchover "+
		"for the timer; mend it, then reload Patroni", s.where, callbacksKey, got)
}

// emptiedCallbacks is where the one file has a callbacks section with nothing in it, as when every
// line below it is a comment. It counts: the dynamic configuration's is not taken.
func emptiedCallbacks(from Source) (where string) {
	eachMapping(from, func(file, path string, m *yaml.Node) {
		for i := 0; i+1 < len(m.Content); i += 2 {
			if file == from.Config && path == "postgresql" && m.Content[i].Value == "callbacks" {
				where = place(file, m.Content[i])
			}
		}
	})
	return where
}

// unreadCallbacks lists where callbacks stand in the files beside the place where Patroni reads
// them.
func unreadCallbacks(from Source) (all []string) {
	eachMapping(from, func(file, path string, m *yaml.Node) {
		for i := 0; i+1 < len(m.Content); i += 2 {
			key := m.Content[i]
			name := cmp.Or(strings.TrimPrefix(path+"."+key.Value, "."), key.Value)
			inside := path == callbacksKey || strings.HasSuffix(path, ".callbacks") || path == "callbacks"
			if inside || name == callbacksKey || key.Value != "callbacks" && !slices.Contains(callbackEvents[:4], key.Value) {
				continue
			}
			all = append(all, fmt.Sprintf("%s at %s", name, place(file, key)))
		}
	})
	return all
}
