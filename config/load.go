package config

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// sizeMost is the largest file that is read. A real one has a few hundred bytes.
const sizeMost = 1 << 20

// Load reads and checks a configuration file of at most 1 MiB. The error is of type [Problems] and
// lists everything that is wrong; there is no Config then. Load waits for nobody who would write
// into a named pipe.
func Load(path string) (*Config, error) {
	data, problem := readFile(path)
	return checked(path, data, problem)
}

// Read is [Load] for a file that the caller has opened, and closes. path is what problems are
// reported under.
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

// readFile opens regular files only: to open a named pipe would wait for somebody to write into it.
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

// unreadable says why the file could not be read. The problem has the path already, so that it
// takes the bare cause.
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
	root, problems := document(data)
	for _, p := range problems {
		r.add(p)
	}
	if root == nil {
		return nil, r.problems
	}
	c := readSections(r, root)
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	c.settings = r.settings
	return c, nil
}
