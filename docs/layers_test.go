package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The imports are parsed here and not asked of `go list`: go test caches the outcome of a test by the files it opens,
// and would not notice that another program read others.

const module = "github.com/vipctl/vipctl/"

// layer is what a folder may import.
type layer struct {
	ours   []string // folders of this module; nil for every one
	others []string // other modules; nil for every one
}

// layers reads the table in CONTRIBUTING.md.
func layers(t *testing.T) map[string]layer {
	t.Helper()
	words := func(cell, all string) []string {
		switch cell {
		case all:
			return nil
		case "nothing", "none":
			return []string{}
		}
		return strings.Split(strings.ReplaceAll(cell, "`", ""), ", ")
	}
	table := map[string]layer{}
	for _, row := range rows(t, "../CONTRIBUTING.md", "Layers") {
		table[strings.Trim(row[0], "`")] = layer{words(row[1], "everything"), words(row[2], "any")}
	}
	if len(table) < 7 {
		t.Fatalf("CONTRIBUTING.md has a table of %d layers", len(table))
	}
	return table
}

// sourceFile is one file of product code.
type sourceFile struct {
	name  string // from the root of the module
	layer string // its top-level folder
	*ast.File
}

// product parses every Go file that ends up in the binary or beside it, tests and what only serves them excepted.
func product(t *testing.T, set *token.FileSet) []sourceFile {
	t.Helper()
	var files []sourceFile
	outside := []string{"docs", "e2e", "examples", "tools"}
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		folder, _, _ := strings.Cut(name, "/")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(outside, name) || name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(set, filepath.Join("..", name), nil, parser.ParseComments)
		files = append(files, sourceFile{name, folder, f})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestImportsPointInwards(t *testing.T) {
	table := layers(t)
	seen := map[string]bool{}
	for _, f := range product(t, token.NewFileSet()) {
		rule, known := table[f.layer]
		if !known {
			t.Errorf("%s: CONTRIBUTING.md has no layer %q", f.name, f.layer)
			continue
		}
		seen[f.layer] = true
		for _, i := range f.Imports {
			checkImport(t, f, rule, strings.Trim(i.Path.Value, `"`))
		}
	}
	for folder := range table {
		if _, err := os.Stat("../" + folder); err == nil && !seen[folder] {
			t.Errorf("no file of %s was looked at", folder)
		}
	}
}

func checkImport(t *testing.T, f sourceFile, rule layer, path string) {
	if ours, ok := strings.CutPrefix(path, module); ok {
		folder, _, _ := strings.Cut(ours, "/")
		if folder != f.layer && rule.ours != nil && !slices.Contains(rule.ours, folder) {
			t.Errorf("%s imports %s: %s may import %q of this module", f.name, ours, f.layer, rule.ours)
		}
		return
	}
	if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && rule.others != nil && !slices.Contains(rule.others, path) {
		t.Errorf("%s imports %s: %s may import %q besides the standard library", f.name, path, f.layer, rule.others)
	}
}

// forbidden is what product code must not name, by "package path" or "package path.Name", and who may all the same.
var forbidden = map[string]string{
	"os/exec":                    "",
	"log":                        "",
	"log/slog":                   "",
	"github.com/sirupsen/logrus": "cmd",
	"os.Exit":                    "cmd",
	"os.Stdout":                  "cmd",
	"os.Stderr":                  "cmd",
	"fmt.Print":                  "",
	"fmt.Printf":                 "",
	"fmt.Println":                "",
}

func TestOnlyCmdLogsPrintsAndExits(t *testing.T) {
	for _, f := range product(t, token.NewFileSet()) {
		names := map[string]string{} // of imports, as the file calls them
		complain := func(what string) {
			if allowed, is := forbidden[what]; is && f.layer != allowed {
				t.Errorf("%s uses %s", f.name, what)
			}
		}
		for _, i := range f.Imports {
			importPath := strings.Trim(i.Path.Value, `"`)
			complain(importPath)
			name := path.Base(importPath)
			if i.Name != nil {
				name = i.Name.Name
			}
			names[name] = importPath
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Obj == nil {
					complain(names[x.Name] + "." + n.Sel.Name)
				}
			case *ast.CallExpr:
				if x, ok := n.Fun.(*ast.Ident); ok && (x.Name == "print" || x.Name == "println") {
					t.Errorf("%s uses %s", f.name, x.Name)
				}
			}
			return true
		})
	}
}

// TestNoHiddenState: no init(), and no package variable that is changed. An alias of one is not followed.
func TestNoHiddenState(t *testing.T) {
	set := token.NewFileSet()
	folders := map[string][]sourceFile{}
	for _, f := range product(t, set) {
		folders[path.Dir(f.name)] = append(folders[path.Dir(f.name)], f)
	}
	for _, folder := range slices.Sorted(maps.Keys(folders)) {
		variables := map[string]bool{}
		for _, f := range folders[folder] {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					t.Errorf("%s has an init()", f.name)
				}
				if v, ok := d.(*ast.GenDecl); ok && v.Tok == token.VAR {
					for _, s := range v.Specs {
						for _, name := range s.(*ast.ValueSpec).Names {
							variables[name.Name] = name.Name != "_"
						}
					}
				}
			}
		}
		for _, f := range folders[folder] {
			for _, w := range writes(f.File) {
				if variables[w.Name] && isPackages(f.File, w) {
					t.Errorf("%s changes the package variable %s", set.Position(w.Pos()), w.Name)
				}
			}
		}
	}
}

// isPackages reports whether a name means something of the package: declared at the file's top, or in another file.
func isPackages(f *ast.File, name *ast.Ident) bool {
	return name.Obj == nil || f.Scope.Lookup(name.Name) == name.Obj
}

// writes returns the variables at the root of everything that a file assigns to, counts up or takes the address of.
func writes(f *ast.File) []*ast.Ident {
	var found []*ast.Ident
	add := func(targets ...ast.Expr) {
		for _, e := range targets {
			if name := root(e); name != nil {
				found = append(found, name)
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				add(n.Lhs...)
			}
		case *ast.IncDecStmt:
			add(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				add(n.X)
			}
		}
		return true
	})
	return found
}

func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	}
	return nil
}

// TestTheRulesCanFail runs the finders over a file that breaks each rule.
func TestTheRulesCanFail(t *testing.T) {
	const source = `package p
var counter, table = 0, map[string]int{}
var fixed = 1
func f() { counter++; table["a"] = fixed; other.x = 1; local := 1; local++; fixed := 2; fixed = 3; _ = &counter; _ = fixed }`
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range writes(f) {
		if isPackages(f, w) && w.Name != "_" {
			got = append(got, w.Name)
		}
	}
	if want := []string{"counter", "table", "other", "counter"}; !slices.Equal(got, want) {
		t.Errorf("package variables written: %q, want %q", got, want)
	}
}
