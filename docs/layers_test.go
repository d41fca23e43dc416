package docs

import (
	"fmt"
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

// The imports are parsed here and not asked of `go list`: go test caches the outcome of a test by
// the files it opens, and would not notice that another program read others.

const module = "github.com/vipctl/vipctl/"

// A layer is one row of the table: what the code in a folder may import. A folder belongs to the
// longest row that names it or a folder above it, so that a folder without a row of its own is a
// part of its parent.
type layer struct {
	ours   []string // layers of this module; nil for every one
	others []string // packages of other modules; nil for every one. The standard library is always allowed.
}

// readLayers reads the table in CONTRIBUTING.md.
func readLayers(t *testing.T) map[string]layer {
	t.Helper()
	list := func(cell, all string) []string {
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
		name := strings.Trim(row[0], "`")
		if _, twice := table[name]; twice {
			t.Errorf("CONTRIBUTING.md has two rows for %s", name)
		}
		table[name] = layer{list(row[1], "everything"), list(row[2], "any")}
	}
	if len(table) < 7 {
		t.Fatalf("CONTRIBUTING.md has a table of %d layers", len(table))
	}
	return table
}

// layerOf returns the longest row of the table that is the folder or stands above it, and "" where
// there is none.
func layerOf(table map[string]layer, folder string) string {
	for ; folder != "."; folder = path.Dir(folder) {
		if _, known := table[folder]; known {
			return folder
		}
	}
	return ""
}

// sourceFile is one file of product code.
type sourceFile struct {
	name   string // from the root of the module
	folder string
	*ast.File
}

// top returns the top-level folder that the file is in.
func (f sourceFile) top() string {
	top, _, _ := strings.Cut(f.folder, "/")
	return top
}

// product parses every Go file that ends up in the binary or beside it, tests and what only serves
// them excepted.
func product(t *testing.T, set *token.FileSet) []sourceFile {
	t.Helper()
	var files []sourceFile
	outside := []string{"docs", "e2e", "examples", "tools"}
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (slices.Contains(outside, name) || name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		f, err := parser.ParseFile(set, filepath.Join("..", name), nil, parser.ParseComments)
		files = append(files, sourceFile{name, path.Dir(name), f})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestImportsPointInwards(t *testing.T) {
	table := readLayers(t)
	seen := map[string]bool{}
	for _, f := range product(t, token.NewFileSet()) {
		name := layerOf(table, f.folder)
		if name == "" {
			t.Errorf("%s: CONTRIBUTING.md has no layer for %s", f.name, f.folder)
			continue
		}
		seen[name] = true
		for _, i := range f.Imports {
			if why := refusal(table, f.folder, strings.Trim(i.Path.Value, `"`)); why != "" {
				t.Errorf("%s %s", f.name, why)
			}
		}
	}
	for name, rule := range table {
		if !seen[name] {
			t.Errorf("CONTRIBUTING.md has a layer %s, and there is no file in it", name)
		}
		for _, other := range rule.ours {
			if _, known := table[other]; !known {
				t.Errorf("CONTRIBUTING.md lets %s import %s, which is no layer", name, other)
			}
		}
	}
}

// refusal says why the code in a folder may not import a package, and "" where it may. A package
// that serves tests only, which its name says, is imported by tests and by its like.
func refusal(table map[string]layer, folder, imported string) string {
	name := layerOf(table, folder)
	rule := table[name]
	ours, isOurs := strings.CutPrefix(imported, module)
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case isOurs && strings.HasSuffix(ours, "test") && !strings.HasSuffix(folder, "test"):
		return fmt.Sprintf("imports %s, which is for tests", ours)
	case isOurs:
		if other := layerOf(table, ours); other != name && rule.ours != nil && !slices.Contains(rule.ours, other) {
			return fmt.Sprintf("imports %s: %s may import %q of this module", ours, name, rule.ours)
		}
	case imported == "C" || strings.Contains(first, "."): // not of the standard library
		if rule.others != nil && !slices.Contains(rule.others, imported) {
			return fmt.Sprintf("imports %s: %s may import %q besides the standard library", imported, name, rule.others)
		}
	}
	return ""
}

// TestLayersAreFolders: the longest row counts, for who imports and for what is imported.
func TestLayersAreFolders(t *testing.T) {
	table := map[string]layer{
		"cmd":       {nil, nil},
		"core":      {[]string{"core/pure"}, []string{}},
		"core/pure": {[]string{}, []string{}},
		"disk":      {[]string{"core"}, []string{"example.com/lib"}},
	}
	for _, c := range []struct {
		folder, imports string
		allowed         bool
	}{
		{"core/pure", "strings", true},
		{"core/pure", "golang.org/x/sys/unix", false},
		{"core/pure", "C", false},
		{"core/pure", module + "core", false},
		{"core/pure", module + "core/other", false},
		{"core/pure/deep", module + "core/pure", true},
		{"core/pure/deep", module + "core", false},
		{"core", module + "core/pure", true},
		{"core", module + "core/other", true},
		{"core/other", module + "core", true},
		{"core/other", module + "core/pure/deep", true},
		{"core", module + "disk", false},
		{"disk", module + "core", true},
		{"disk", module + "core/other", true},
		{"disk", module + "core/pure", false}, // a row of its own has to be named
		{"disk", module + "nowhere", false},
		{"disk", "example.com/lib", true},
		{"disk", "example.com/lib/part", false},
		{"cmd/tool", module + "core/pure", true},
		{"cmd/tool", "example.com/else", true},
		{"cmd/tool", module + "core/coretest", false},
		{"core/coretest", module + "core/othertest", true},
	} {
		if why := refusal(table, c.folder, c.imports); why == "" != c.allowed {
			t.Errorf("%s importing %s: %q, want allowed: %v", c.folder, c.imports, why, c.allowed)
		}
	}
	for folder, want := range map[string]string{"core/pure/deep": "core/pure", "core/purest": "core", "corelike": "", "cmd": "cmd"} {
		if got := layerOf(table, folder); got != want {
			t.Errorf("%s is of the layer %q, want %q", folder, got, want)
		}
	}
}

// forbidden is what product code must not name, by "package path" or "package path.Name", and the
// top-level folder that may all the same.
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
		if strings.HasSuffix(f.folder, "test") {
			continue // refusal keeps it out of the binary
		}
		names := map[string]string{} // of imports, as the file calls them
		complain := func(what string) {
			if allowed, is := forbidden[what]; is && f.top() != allowed {
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

// TestNoHiddenState: no init(), and no package variable that is changed. An alias of one is not
// followed.
func TestNoHiddenState(t *testing.T) {
	set := token.NewFileSet()
	folders := map[string][]sourceFile{}
	for _, f := range product(t, set) {
		folders[f.folder] = append(folders[f.folder], f)
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

// isPackages reports whether a name means something of the package: declared at the file's top, or
// in another file.
func isPackages(f *ast.File, name *ast.Ident) bool {
	return name.Obj == nil || f.Scope.Lookup(name.Name) == name.Obj
}

// writes returns the variables at the root of everything that a file assigns to, counts up or takes
// the address of.
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
