package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// sizeMost is the largest file that is read. A real one has a few hundred bytes.
const sizeMost = 1 << 20

// Load reads and checks a configuration file. The error is of type [Problems] and lists everything that is wrong; there
// is no Config then.
func Load(path string) (*Config, error) {
	data, problem := readFile(path)
	return checked(path, data, problem)
}

// Read is [Load] for a file that the caller has opened. path is what problems are reported under.
func Read(path string, file io.Reader) (*Config, error) {
	data, problem := readAll(file)
	return checked(path, data, problem)
}

// Unreadable is the error of [Load] for a file that the caller could not open. It wraps err.
func Unreadable(path string, err error) error {
	problem := unreadable(err)
	problem.File = path
	return Problems{*problem}
}

// checked makes a Config of a file's bytes, or an error of the problem with reading them.
func checked(path string, data []byte, problem *Problem) (*Config, error) {
	if problem == nil {
		return parse(path, data)
	}
	problem.File = path
	return nil, Problems{*problem}
}

// wantFile is what every file should be.
const wantFile = "a readable vipctl.yml"

// readFile looks before it opens: opening a named pipe would wait for somebody to write into it.
func readFile(path string) ([]byte, *Problem) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, unreadable(err)
	case info.IsDir():
		return nil, &Problem{Got: "a folder", Want: wantFile, Hint: "name the file in it"}
	case !info.Mode().IsRegular():
		return nil, &Problem{Got: "something that is not a regular file", Want: wantFile}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	return readAll(f)
}

func readAll(file io.Reader) ([]byte, *Problem) {
	data, err := io.ReadAll(io.LimitReader(file, sizeMost+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(data) > sizeMost:
		return nil, &Problem{Got: "a file of more than 1 MiB", Want: wantFile, Hint: "is this the right file?"}
	}
	return data, nil
}

// unreadable says why the file could not be read. The path is in the problem already, so the bare cause will do.
func unreadable(err error) *Problem {
	p := &Problem{Got: err.Error(), Want: wantFile, Err: err}
	var at *fs.PathError
	if errors.As(err, &at) {
		p.Got = at.Err.Error()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.Hint = "name another file with --config or VIPCTL_CONFIG"
	case errors.Is(err, fs.ErrPermission):
		p.Hint = "the user who runs vipctl, usually postgres, must be able to read it"
	}
	return p
}

// parse checks the bytes of a file. file is what problems are reported under.
func parse(file string, data []byte) (*Config, error) {
	r := &reader{file: file, source: filepath.Base(file) + ":"}
	root := r.document(data)
	if root == nil {
		return nil, r.problems
	}
	c := r.config(root)
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	c.settings = r.settings
	return c, nil
}

// document returns the mapping at the root of the file's only document, or nil and a problem.
func (r *reader) document(data []byte) *yaml.Node {
	if i := notUTF8(data); i >= 0 {
		r.add(Problem{Line: lineOf(data, i), Got: fmt.Sprintf("the byte 0x%02x", data[i]), Want: "text in UTF-8"})
		return nil
	}
	const wantRoot = "settings, such as patroni: and vips:"
	var doc yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(&doc); {
	case err == io.EOF:
		r.add(Problem{Got: "an empty file", Want: wantRoot})
		return nil
	case r.keepalived(data):
		return nil
	case err != nil:
		r.add(syntaxProblem(data, err))
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode || !r.plain("", root) {
		if len(r.problems) == 0 {
			r.add(Problem{Line: root.Line, Column: root.Column, Got: describe(root), Want: wantRoot})
		}
		return nil
	}
	if r.vipManager(root) {
		return nil
	}
	var second yaml.Node
	if err := decoder.Decode(&second); err == nil {
		r.add(Problem{Line: second.Line, Column: second.Column, Got: "a second YAML document", Want: "one",
			Hint: "remove the line ---; a second cluster has a file of its own"})
	} else if err != io.EOF {
		r.add(syntaxProblem(data, err))
	}
	return root
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
