package conf

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseYAML returns the top-level mapping of what a file, or a variable, has. The nodes are read as
// they are: decoding them would refuse a key that is there twice, where Patroni takes the last.
func parseYAML(from string, data []byte) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(withoutDirectives(data), &doc); err != nil {
		if line := tabbedLine(data, err); line > 0 {
			return nil, Problem{File: from, Line: line, Got: "a tab before the text", Want: "spaces: YAML takes no tab for indentation"}
		}
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	if len(doc.Content) != 1 || resolve(doc.Content[0]).Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: got no mapping, want Patroni's settings as YAML", from)
	}
	return resolve(doc.Content[0]), nil
}

// withoutDirectives makes comments of the lines that begin with % before the first document, where
// PyYAML reads on and the library here does not: it takes %YAML 1.1 alone.
func withoutDirectives(data []byte) []byte {
	if !bytes.Contains(data, []byte("%")) {
		return data
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	for i, line := range lines {
		text := strings.TrimSpace(strings.TrimPrefix(string(line), "\ufeff"))
		switch {
		case strings.HasPrefix(text, "%TAG"), strings.HasPrefix(text, "%YAML") && !strings.HasPrefix(text, "%YAML 1."):
		case strings.HasPrefix(text, "%"):
			lines[i] = bytes.Replace(line, []byte("%"), []byte("#"), 1)
		case text != "" && !strings.HasPrefix(text, "#"):
			return bytes.Join(lines, nil)
		}
	}
	return bytes.Join(lines, nil)
}

// tabbedLine returns the first line with a tab before its text, where that may be what the library
// complains of, else 0. Its own number is that of an enclosing block.
func tabbedLine(data []byte, err error) int {
	if text := err.Error(); !strings.Contains(text, "tab character") && !strings.Contains(text, "cannot start any token") {
		return 0
	}
	for i, line := range strings.Split(string(data), "\n") {
		if indent := line[:len(line)-len(strings.TrimLeft(line, blanks))]; strings.Contains(indent, "\t") {
			return i + 1
		}
	}
	return 0
}
