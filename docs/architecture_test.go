package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	goFile  = regexp.MustCompile("`([a-z]\\S*\\.go)`")
	pointer = regexp.MustCompile("((?:`\\w+`(?: and )?)+) in `(\\S+\\.go)`")
)

// TestPointers: where architecture.md says that a decision lies there is such a file, with such
// functions. A file without a folder is in that of the one before.
func TestPointers(t *testing.T) {
	for _, row := range rows(t, "architecture.md", "Where a decision lies") {
		folder := ""
		where := goFile.ReplaceAllStringFunc(row[1], func(quoted string) string {
			file := strings.Trim(quoted, "`")
			if strings.Contains(file, "/") {
				folder = filepath.Dir(file)
			} else {
				file = filepath.Join(folder, file)
			}
			if _, err := os.Stat("../" + file); err != nil {
				t.Errorf("%q: %v", row[0], err)
			}
			return "`" + file + "`"
		})
		if folder == "" {
			t.Errorf("%q names no file", row[0])
		}
		for _, m := range pointer.FindAllStringSubmatch(where, -1) {
			source, _ := os.ReadFile("../" + m[2])
			for _, name := range regexp.MustCompile(`\w+`).FindAllString(strings.ReplaceAll(m[1], " and ", " "), -1) {
				if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + name + `\(`).Match(source) {
					t.Errorf("%q: %s has no function %s", row[0], m[2], name)
				}
			}
		}
	}
}

// TestFilesOfTheCommand: architecture.md has a line for each file of cmd/vipctl, tests aside.
func TestFilesOfTheCommand(t *testing.T) {
	files, err := filepath.Glob("../cmd/vipctl/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	same(t, "files of cmd/vipctl", first(rows(t, "architecture.md", "Files of cmd/vipctl")), files)
}
