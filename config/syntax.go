package config

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// syntaxProblem says where a file stops being YAML.
func syntaxProblem(data []byte, err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if m := regexp.MustCompile(`^line (\d+): `).FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	if at := brokenLine(data); at > 0 {
		line = at
	}
	if isTab(data, line, text) {
		return Problem{Line: line, Got: "a tab before the text", Want: "spaces", Hint: "YAML takes no tab for indentation"}
	}
	return Problem{Line: max(line, 1), Got: "broken YAML: " + text, Want: "valid YAML", Hint: syntaxHint(text)}
}

// isTab reports whether the library refused a tab that indents the line. The library's own text
// says the same of other characters.
func isTab(data []byte, line int, text string) bool {
	lines := bytes.Split(data, []byte("\n"))
	if line < 1 || line > len(lines) || !strings.Contains(text, "tab character") && !strings.Contains(text, "cannot start any token") {
		return false
	}
	indented := bytes.TrimLeft(lines[line-1], " \t")
	return bytes.Contains(lines[line-1][:len(lines[line-1])-len(indented)], []byte("\t"))
}

func syntaxHint(text string) string {
	for _, known := range []struct{ part, hint string }{
		{"cannot start any token", "quote a value that begins with a special character"},
		{"mapping values are not allowed", "look at the indentation, and quote a value that has a colon and a space in it"},
		{"unexpected end of stream", "a quote is opened and not closed"},
		{"did not find expected key", "look at the indentation"},
		{"expected '-' indicator", "look at the indentation"},
		{"expected ',' or", "a bracket is opened and not closed"},
		{"could not find expected ':'", "a colon and a space belong after a setting's name"},
	} {
		if strings.Contains(text, known.part) {
			return known.hint
		}
	}
	return ""
}

// brokenLine finds the line at which a file stops being YAML: the one after the longest run of
// lines, from the first on, that is YAML by itself. The library's own number is of no use: it names
// the start of the enclosing block, is one too low for parser errors and is missing on line 1
// (go.yaml.in/yaml/v3 v3.0.6, parser.fail). It returns 0 for a file that is too large to be tried
// line by line.
func brokenLine(data []byte) int {
	const sizeTried, linesTried = 32 << 10, 500
	lines := bytes.SplitAfter(data, []byte("\n"))
	if len(data) > sizeTried || len(lines) > linesTried {
		return 0
	}
	end := len(data)
	for n := len(lines); n > 0; n-- {
		end -= len(lines[n-1])
		if isYAML(data[:end]) {
			return n
		}
	}
	return 0
}

func isYAML(data []byte) bool {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			return err == io.EOF
		}
	}
}
