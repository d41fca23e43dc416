package conf

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/reconcile"
)

// mistake is a place in a file at which Patroni's loader stops, or throws something away, where the
// library here reads on.
type mistake struct {
	level reconcile.Level
	line  int
	text  string
}

// constructor goes where PyYAML's SafeConstructor does, and notes where that would throw
// (yaml/constructor.py).
type constructor struct {
	anchors map[string]int // the lines of those so far
	found   []mistake
}

func (c *constructor) add(l reconcile.Level, line int, format string, args ...any) {
	c.found = append(c.found, mistake{l, line, fmt.Sprintf(format, args...)})
}

func (c *constructor) complain(n *yaml.Node, format string, args ...any) {
	c.add(reconcile.Problem, n.Line, format, args...)
}

// build goes through a node and all that is in it, but not through an alias again.
func (c *constructor) build(n *yaml.Node) {
	c.anchor(n)
	switch n.Kind {
	case yaml.ScalarNode:
		c.scalar(n)
	case yaml.MappingNode:
		c.tag(n, "!!map", "!!set")
		c.mapping(n)
		return
	case yaml.SequenceNode:
		c.tag(n, "!!seq", "!!omap", "!!pairs")
	}
	for _, inner := range n.Content {
		c.build(inner)
	}
}

// anchor refuses a name that stands twice: PyYAML wants each once in a document.
func (c *constructor) anchor(n *yaml.Node) {
	if n.Anchor == "" || n.Kind == yaml.AliasNode {
		return
	}
	if line := c.anchors[n.Anchor]; line > 0 {
		c.complain(n, "got the anchor &%s a second time, want each once (the first is on line %d)", n.Anchor, line)
	}
	if c.anchors == nil {
		c.anchors = map[string]int{}
	}
	c.anchors[n.Anchor] = n.Line
}

// tag refuses tags that are not YAML's own for this kind of node.
func (c *constructor) tag(n *yaml.Node, known ...string) {
	if !slices.Contains(known, n.ShortTag()) {
		c.complain(n, "got the tag %s, which Patroni does not know, want the value without it", n.ShortTag())
	}
}

// scalar checks that a scalar is what its tag says.
func (c *constructor) scalar(n *yaml.Node) {
	tag := tagOf(n)
	if tag == tagMerge || tag == tagValue {
		c.complain(n, "got %s, want it in quotes", n.Value)
		return
	}
	c.tag(&yaml.Node{Kind: n.Kind, Tag: tag, Line: n.Line}, tagText, tagNull, tagInt, tagFloat, tagBool, tagTime, "!!binary")
	if why := unbuildable(tag, n.Value); why != "" {
		// Without the value: it may be a password.
		c.complain(n, "got a value that PyYAML takes for a %s and that is none (%s), want it in quotes", tag[2:], why)
	}
}

// unbuildable is why Python throws at a scalar of that tag; "" where it does not.
func unbuildable(tag, text string) string {
	var err error
	switch tag {
	case tagInt:
		if _, ok := wholeNumber(text); !ok {
			return "no digits"
		}
	case tagFloat:
		err = floatError(text)
	case tagBool:
		if _, known := parseBool(text); !known || text == "0" || text == "1" {
			return "no truth value"
		}
	case tagTime:
		err = dateExists(text)
	case "!!binary":
		_, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// floatError is why Python's float() throws at a text, parts of sexagesimal numbers aside.
func floatError(text string) error {
	text = strings.TrimLeft(strings.ToLower(strings.ReplaceAll(text, "_", "")), "+-")
	if text == ".inf" || text == ".nan" || strings.Contains(text, ":") {
		return nil
	}
	if _, err := strconv.ParseFloat(text, 64); errors.Is(err, strconv.ErrSyntax) {
		return strconv.ErrSyntax
	}
	return nil
}

// mapping checks the keys, and what "<<" takes in. A key that stands twice is no mistake for
// PyYAML: see [FindTwice].
func (c *constructor) mapping(n *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		c.anchor(key)
		switch named := resolve(key); {
		case named.Kind != yaml.ScalarNode:
			c.complain(key, "got a list or a section as a setting's name, want text; is it a placeholder, such as {{ name }}, that was not filled in?")
		case tagOf(named) == tagMerge:
			if !mergeable(resolve(value)) {
				c.complain(key, "got << with something else than a section, want a section or a list of sections")
			}
		default:
			c.name(key)
		}
		c.build(value)
	}
}

// name checks a setting's name, which may be "=".
func (c *constructor) name(key *yaml.Node) {
	if key.Kind == yaml.ScalarNode && tagOf(key) != tagValue {
		c.scalar(key)
	}
}

func mergeable(value *yaml.Node) bool {
	if value.Kind != yaml.SequenceNode {
		return value.Kind == yaml.MappingNode
	}
	for _, n := range value.Content {
		if resolve(n).Kind != yaml.MappingNode {
			return false
		}
	}
	return true
}
