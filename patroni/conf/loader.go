package conf

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/reconcile"
)

// loaderMistakes are those of a text that the library here can read. PyYAML's scanner is stricter
// (tabs, documents, anchors), and it builds every value, of settings that vipctl does not read too.
func loaderMistakes(data []byte) []mistake {
	if !utf8.Valid(data) {
		return []mistake{{reconcile.Problem, 1, "got bytes that are not UTF-8, want text in UTF-8"}}
	}
	data = withoutDirectives(data)
	var c constructor
	if line := separatingTab(data); line > 0 {
		c.add(reconcile.Problem, line, "got a tab outside of quotes, want spaces: PyYAML takes a tab in quotes, comments and blocks only")
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if decoder.Decode(&doc) != nil {
		return nil // the error of [Read]
	}
	if err := decoder.Decode(&second); !errors.Is(err, io.EOF) {
		c.add(reconcile.Problem, max(second.Line, 1), "got a second YAML document, want one: remove the line --- before it")
	}
	c.build(&doc)
	return c.found
}

// separatingTab returns the first line with a tab that separates what is around it, 0 where there
// is none: one that could not be any other letter. Tabs in quoted text, block scalars and comments
// could.
func separatingTab(data []byte) int {
	if !bytes.Contains(data, []byte("\t")) {
		return 0
	}
	if sameShape(data, bytes.ReplaceAll(data, []byte("\t"), []byte("x"))) {
		return 0
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines {
		if !bytes.Contains(line, []byte("\t")) {
			continue
		}
		lines[i] = bytes.ReplaceAll(line, []byte("\t"), []byte("x"))
		if !sameShape(data, bytes.Join(lines, nil)) {
			return i + 1
		}
		lines[i] = line
	}
	return 0
}

// sameShape reports whether two texts are the same YAML, but for what stands in quotes and blocks.
func sameShape(a, b []byte) bool {
	var m, n yaml.Node
	return yaml.Unmarshal(a, &m) == nil && yaml.Unmarshal(b, &n) == nil && alike(&m, &n)
}

func alike(a, b *yaml.Node) bool {
	const plain = yaml.Style(0)
	if a.Kind != b.Kind || a.Style != b.Style || a.Tag != b.Tag || a.Anchor != b.Anchor || len(a.Content) != len(b.Content) {
		return false
	}
	if a.Style&^(yaml.TaggedStyle|yaml.FlowStyle) == plain && a.Value != b.Value {
		return false
	}
	for i := range a.Content {
		if !alike(a.Content[i], b.Content[i]) {
			return false
		}
	}
	return true
}
