package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Release is a Patroni that is on this machine.
type Release struct {
	Version string // "4.0.7"

	number []int  // the version's three
	root   string // the folder that its package is unpacked into; "" where it is installed
}

// FindPatroni finds the installed Patroni, or with a major version that one: the installed one too,
// or one that deps.sh has unpacked beside it.
func FindPatroni(major int) (Release, error) {
	installed, err := Release{}.ask()
	if err != nil {
		return Release{}, fmt.Errorf("%w (make deps installs it)", err)
	}
	if major == 0 || major == installed.major() {
		return installed, nil
	}
	root, err := unpacked(major)
	if err != nil {
		return Release{}, err
	}
	other, err := Release{root: root}.ask()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("the installed Patroni is %s, and no %d is beside it (e2e/deps.sh %d unpacks it)", installed.Version, major, major)
	case err == nil && other.major() != major:
		err = fmt.Errorf("%s has Patroni %s, want %d (delete it, then e2e/deps.sh %d)", root, other.Version, major, major)
	}
	return other, err
}

// unpacked is the folder into which deps.sh unpacks a Patroni: in the checkout in which this runs.
func unpacked(major int) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	return filepath.Join(dir, "build", fmt.Sprintf("patroni%d", major)), nil
}

// ask finds out the version.
func (r Release) ask() (Release, error) {
	cmd := exec.Command(r.program(), "--version")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+r.modules())
	said, err := cmd.Output()
	if err != nil {
		return Release{}, fmt.Errorf("ask Patroni for its version: %w", err)
	}
	return r.called(string(said))
}

var versionSaid = regexp.MustCompile(`^patroni ((\d+)\.(\d+)\.(\d+)\S*)`)

// called is the release that says this of its version.
func (r Release) called(said string) (Release, error) {
	m := versionSaid.FindStringSubmatch(said)
	if m == nil {
		return Release{}, fmt.Errorf("%s --version says %q, want a version such as 4.0.7", r.program(), said)
	}
	r.Version, r.number = m[1], nil
	for _, digits := range m[2:] {
		n, err := strconv.Atoi(digits)
		if err != nil {
			return Release{}, err
		}
		r.number = append(r.number, n)
	}
	return r, nil
}

func (r Release) major() int { return r.number[0] }

// Since reports whether this is the version or a later one.
func (r Release) Since(major, minor, patch int) bool {
	return slices.Compare(r.number, []int{major, minor, patch}) >= 0
}

// Primary is what this Patroni calls a primary in its replies and to callbacks.
func (r Release) Primary() string {
	if r.Since(4, 0, 0) {
		return "primary"
	}
	return "master"
}

// hasBeforeStop reports whether this Patroni has the setting postgresql.before_stop.
func (r Release) hasBeforeStop() bool { return r.Since(3, 0, 3) }

// program is the file to run.
func (r Release) program() string { return filepath.Join("/", r.root, "usr/bin/patroni") }

// modules is the folder of its Python modules where Python does not look for them by itself, and
// else "".
func (r Release) modules() string {
	if r.root == "" {
		return ""
	}
	return filepath.Join(r.root, "usr/lib/python3/dist-packages")
}

// copyTo copies what was unpacked to where every user can read it: a checkout may be in root's home.
func (r *Release) copyTo(dir string) error {
	if r.root == "" {
		return nil
	}
	for _, part := range []string{"usr/bin", "usr/lib/python3"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(r.root, part))); err != nil {
			return fmt.Errorf("copy Patroni %s: %w", r.Version, err)
		}
	}
	r.root = dir
	return nil
}
