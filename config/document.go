package config

import (
	"bytes"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// document returns the mapping at the root of the file's only YAML document, and what is wrong with
// the file as a whole. The mapping is nil where there is nothing to read further. The problems lack
// their file.
func document(data []byte) (*yaml.Node, Problems) {
	if i := notUTF8(data); i >= 0 {
		return nil, Problems{{Line: lineOf(data, i), Got: fmt.Sprintf("the byte 0x%02x", data[i]), Want: "text in UTF-8"}}
	}
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	err := decoder.Decode(&doc)
	if p := notYAML(data, err); p != nil {
		return nil, Problems{*p}
	}
	root := doc.Content[0]
	if p := notSettings(root); p != nil {
		return nil, Problems{*p}
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		return root, Problems{{Line: second.Line, Column: second.Column, Got: "a second YAML document", Want: "one",
			Hint: "remove the line ---; a second cluster has a file of its own"}}
	case err != io.EOF:
		return root, Problems{syntaxProblem(data, err)}
	}
	return root, nil
}

// wantRoot is what the document should be.
const wantRoot = "settings, such as patroni: and vips:"

// notYAML is the problem of a file in which the decoder found no first document; nil where it found
// one. err is the decoder's.
func notYAML(data []byte, err error) *Problem {
	if err == io.EOF {
		return &Problem{Got: "an empty file", Want: wantRoot}
	}
	if p := keepalived(data); p != nil || err == nil {
		return p
	}
	p := syntaxProblem(data, err)
	return &p
}

// notSettings is the problem of a document that is no plain mapping, or of another program; nil
// where there is none.
func notSettings(root *yaml.Node) *Problem {
	got := notPlain(root)
	switch {
	case root.Kind != yaml.MappingNode:
		return &Problem{Line: root.Line, Column: root.Column, Got: describe(root), Want: wantRoot}
	case got != "":
		return &Problem{Line: root.Line, Column: root.Column, Got: got, Want: "plain YAML", Hint: "write the value itself"}
	}
	return vipManager(root)
}

// lineOf is the line of a byte.
func lineOf(data []byte, at int) int { return 1 + bytes.Count(data[:at], []byte("\n")) }

// notUTF8 returns the index of the first byte that is not UTF-8, or -1.
func notUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	i := 0
	for {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
}
