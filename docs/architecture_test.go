package docs

import (
	"go/ast"
	"go/token"
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

var quotedName = regexp.MustCompile("`([^`]+)`")

// TestWords: each word of the glossary is in the code, under each of the names that its row has. A
// name is package.Name or package.Type.Member, of product code.
func TestWords(t *testing.T) {
	known := declarations(t)
	words := map[string]bool{}
	for _, row := range rows(t, "architecture.md", "Words") {
		if words[row[0]] {
			t.Errorf("%q has two rows", row[0])
		}
		words[row[0]] = true
		names := quotedName.FindAllStringSubmatch(row[2], -1)
		if len(names) == 0 {
			t.Errorf("%q names nothing in the code", row[0])
		}
		for _, m := range names {
			if !known[m[1]] {
				t.Errorf("%q: the code has no %s", row[0], m[1])
			}
		}
	}
	if len(words) < 30 {
		t.Errorf("found %d words only", len(words))
	}
}

// declarations are the names that product code declares at the top of its files, with the fields and
// the methods of its types: "policy.Facts", "policy.Facts.Now".
func declarations(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, f := range product(t, token.NewFileSet()) {
		in := f.Name.Name + "."
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					known[in+d.Name.Name] = true
				} else if of := receiver(d.Recv.List[0].Type); of != "" {
					known[in+of+"."+d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					for _, name := range specified(spec) {
						known[in+name] = true
					}
				}
			}
		}
	}
	return known
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// specified are the names of a const, a var or a type, and of the type's members.
func specified(spec ast.Spec) (names []string) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			names = append(names, name.Name)
		}
	case *ast.TypeSpec:
		names = append(names, spec.Name.Name)
		var members *ast.FieldList
		switch of := spec.Type.(type) {
		case *ast.StructType:
			members = of.Fields
		case *ast.InterfaceType:
			members = of.Methods
		default:
			return names
		}
		for _, field := range members.List {
			for _, name := range field.Names {
				names = append(names, spec.Name.Name+"."+name.Name)
			}
		}
	}
	return names
}

// TestWayOfACallback: the files from argv to the first frame are read downwards. Each file stands
// there once, and each of its functions is named in the same file or in one above it.
func TestWayOfACallback(t *testing.T) {
	files := map[string]*ast.File{}
	for _, f := range product(t, token.NewFileSet()) {
		files[f.name] = f.File
	}
	table := rows(t, "architecture.md", "From a callback's words to the first frame")
	named := map[string]bool{"main": true}
	seen := map[string]bool{}
	for _, row := range table {
		name := strings.Trim(row[0], "`")
		f := files[name]
		if f == nil || seen[name] {
			t.Errorf("%s is no file of product code, or stands there twice", name)
			continue
		}
		seen[name] = true
		declared := map[string]bool{}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				declared[n.Name.Name] = true
				ast.Inspect(n.Type, use(named))
				if n.Body != nil {
					ast.Inspect(n.Body, use(named))
				}
				return false
			case *ast.Ident:
				named[n.Name] = true
			}
			return true
		})
		for _, m := range quotedName.FindAllStringSubmatch(row[1], -1) {
			switch {
			case !declared[m[1]]:
				t.Errorf("%s has no function %s", name, m[1])
			case !named[m[1]]:
				t.Errorf("%s is named in none of the files down to %s", m[1], name)
			}
		}
	}
	if len(table) < 10 {
		t.Errorf("found %d files only", len(table))
	}
}

// use notes every name.
func use(named map[string]bool) func(ast.Node) bool {
	return func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			named[name.Name] = true
		}
		return true
	}
}
