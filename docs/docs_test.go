package docs

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/reconcile"
)

// vipctl is the binary that the tests ask, built as the Makefile builds it.
var vipctl string

func TestMain(m *testing.M) {
	code := 1
	if err := build(&code, m); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func build(code *int, m *testing.M) error {
	dir, err := os.MkdirTemp("", "vipctl-docs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	vipctl = filepath.Join(dir, "vipctl")
	cmd := exec.Command("go", "build", "-tags", "urfave_cli_no_docs,nethttpomithttp2", "-buildvcs=false", "-o", vipctl, "../cmd/vipctl")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, out)
	}
	*code = m.Run()
	return nil
}

// ask runs vipctl and returns what it prints.
func ask(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(vipctl, args...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// section returns the text under a heading, up to the next heading of its level or above.
func section(t *testing.T, file, heading string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`(?m)^(#+) ` + regexp.QuoteMeta(heading) + `$`).FindSubmatchIndex(data)
	if at == nil {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	text := data[at[1]:]
	level := at[3] - at[2]
	if next := regexp.MustCompile(fmt.Sprintf(`(?m)^#{1,%d} `, level)).FindIndex(text); next != nil {
		text = text[:next[0]]
	}
	return string(text)
}

// rows returns the cells of the tables under a heading, heads and rulers left out.
func rows(t *testing.T, file, heading string) [][]string {
	t.Helper()
	return tableRows(section(t, file, heading))
}

func tableRows(text string) [][]string {
	var table [][]string
	head := true
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			head = true
		case strings.HasPrefix(line, "|---"):
			head = false
		case !head:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			table = append(table, cells)
		}
	}
	return table
}

// first returns the first column, without backquotes.
func first(table [][]string) []string {
	var column []string
	for _, row := range table {
		column = append(column, strings.ReplaceAll(row[0], "`", ""))
	}
	return column
}

// same compares two sets.
func same(t *testing.T, what string, documented, real []string) {
	t.Helper()
	for _, d := range documented {
		if !slices.Contains(real, d) {
			t.Errorf("%s: %q is documented and not there", what, d)
		}
	}
	for _, r := range real {
		if !slices.Contains(documented, r) {
			t.Errorf("%s: %q is there and not documented", what, r)
		}
	}
	if len(real) == 0 {
		t.Errorf("%s: found nothing", what)
	}
}

// help is what --help says of a command.
type help struct {
	commands []string
	flags    []string // each as "--limit, -n"
	codes    []string // each as "64 wrong usage"
}

var helpFlag = regexp.MustCompile(`--[a-z-]+|, (-[a-z])\b`)

func helpOf(t *testing.T, command ...string) help {
	t.Helper()
	var h help
	part := ""
	for line := range strings.Lines(ask(t, append(command, "--help")...)) {
		words := strings.Fields(line)
		switch {
		case !strings.HasPrefix(line, " "):
			part = strings.TrimSpace(line)
		case len(words) == 0:
		case part == "COMMANDS:":
			h.commands = append(h.commands, words[0])
		case part == "OPTIONS:" || part == "GLOBAL OPTIONS:":
			names, _, _ := strings.Cut(strings.TrimSpace(line), "  ")
			h.flags = append(h.flags, strings.Join(helpFlag.FindAllString(names, -1), ""))
		case part == "EXIT CODES:" && words[0][0] >= '0' && words[0][0] <= '9':
			h.codes = append(h.codes, strings.Join(words, " "))
		case part == "EXIT CODES:" && len(h.codes) > 0:
			h.codes[len(h.codes)-1] += " " + strings.Join(words, " ")
		}
	}
	return h
}

func TestCommands(t *testing.T) {
	var real []string
	for _, name := range helpOf(t).commands {
		below := helpOf(t, name).commands
		for _, sub := range below {
			real = append(real, "vipctl "+name+" "+sub)
		}
		if len(below) == 0 {
			real = append(real, "vipctl "+name)
		}
	}
	var documented []string
	for _, m := range regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(section(t, "cli.md", "Commands"), -1) {
		documented = append(documented, m[1])
	}
	same(t, "commands", documented, real)
}

func TestFlags(t *testing.T) {
	global := append(helpOf(t).flags, "--help, -h")
	same(t, "global flags", append(first(rows(t, "cli.md", "Global flags")), "--help, -h"), global)
	for _, m := range regexp.MustCompile(`(?m)^### vipctl (.*)$`).FindAllStringSubmatch(section(t, "cli.md", "Commands"), -1) {
		var own []string
		for _, flag := range helpOf(t, strings.Fields(m[1])...).flags {
			if !slices.Contains(global, flag) {
				own = append(own, flag)
			}
		}
		if documented := first(rows(t, "cli.md", "vipctl "+m[1])); len(own) > 0 || len(documented) > 0 {
			same(t, m[1], documented, own)
		}
	}
}

func TestExitCodes(t *testing.T) {
	var documented []string
	for _, row := range rows(t, "cli.md", "Exit codes") {
		documented = append(documented, row[0]+" "+row[1])
	}
	same(t, "exit codes", documented, helpOf(t).codes)
}

// TestJSON holds the tables against the types that are printed.
func TestJSON(t *testing.T) {
	structs := structsOf(t, "../status")
	same(t, "status", first(rows(t, "cli.md", "JSON of status")), fields(structs, ast.NewIdent("Report"), ""))
	same(t, "reconcile --dry-run", first(rows(t, "cli.md", "JSON of reconcile --dry-run")), fields(structs, ast.NewIdent("Plan"), ""))
}

// structsOf are a package's struct types by their names. They are read and not asked for by
// reflection, since some are not exported.
func structsOf(t *testing.T, dir string) map[string]*ast.StructType {
	t.Helper()
	structs := map[string]*ast.StructType{}
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if s, ok := spec.Type.(*ast.StructType); ok {
					structs[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	return structs
}

// fields names the leaves of a type's JSON: "patroni.url", "vips[].name".
func fields(structs map[string]*ast.StructType, e ast.Expr, path string) []string {
	var all []string
	switch e := e.(type) {
	case *ast.StarExpr:
		return fields(structs, e.X, path)
	case *ast.ArrayType:
		if name, ok := e.Elt.(*ast.Ident); ok && structs[name.Name] != nil {
			return fields(structs, name, path+"[]")
		}
	case *ast.Ident:
		if structs[e.Name] == nil {
			break
		}
		for _, f := range structs[e.Name].Fields.List {
			if f.Tag != nil && !strings.Contains(f.Tag.Value, `json:"-"`) {
				name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json"), ",")
				all = append(all, fields(structs, f.Type, strings.TrimPrefix(path+"."+name, "."))...)
			}
		}
		return all
	}
	return []string{path}
}

func TestHistoryJSON(t *testing.T) {
	same(t, "history", first(rows(t, "cli.md", "JSON of history")), tags(reflect.TypeFor[reconcile.Record](), ""))
}

func tags(t reflect.Type, path string) []string {
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[reconcile.Stamp]() {
		return []string{strings.TrimPrefix(path, ".")}
	}
	var all []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		all = append(all, tags(t.Field(i).Type, path+"."+name)...)
	}
	return all
}

// TestCodes: operations.md explains each code, those of verdicts and those that only a record has.
func TestCodes(t *testing.T) {
	codes := codesIn(t, "../reconcile/policy/verdict.go")
	for _, code := range codesIn(t, "../reconcile/record.go") {
		if !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	same(t, "codes", first(rows(t, "operations.md", "Codes")), codes)
}

// codesIn are the constants of type Code in a file.
func codesIn(t *testing.T, file string) (codes []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		kind, ok := spec.Type.(*ast.Ident)
		if s, isSelector := spec.Type.(*ast.SelectorExpr); isSelector {
			kind, ok = s.Sel, true
		}
		if ok && kind.Name == "Code" {
			codes = append(codes, strings.Trim(spec.Values[0].(*ast.BasicLit).Value, `"`))
		}
		return true
	})
	return codes
}

// TestDependencies: each module that this one's code imports has a row with its version.
func TestDependencies(t *testing.T) {
	versions := requirements(t)
	imported := map[string]bool{}
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == "tools" || name != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", name), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			for module := range versions {
				if p := strings.Trim(i.Path.Value, `"`); p == module || strings.HasPrefix(p, module+"/") {
					imported[module] = true
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	table := rows(t, "decisions/0001-dependencies.md", "Decision")
	same(t, "dependencies", first(table), slices.Collect(maps.Keys(imported)))
	for _, row := range table {
		if versions[row[0]] != row[1] {
			t.Errorf("%s: go.mod has %s, documented is %s", row[0], versions[row[0]], row[1])
		}
	}
}

// requirements are the modules of go.mod with their versions.
func requirements(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(?:require )?\s*([a-z0-9.]+\.[a-z]+/\S+) (v\S+)`).FindAllStringSubmatch(string(data), -1) {
		versions[m[1]] = m[2]
	}
	return versions
}

var (
	link      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.*)$`)
	codeBlock = regexp.MustCompile("(?s)```.*?```")
	target    = regexp.MustCompile("`(?:# )?make ([a-z0-9-]+)")
)

// pages are all Markdown files, from this folder.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../*.md", "*.md", "*/*.md", "../reconcile/*.md", "../e2e/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(data), ""), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			to := page
			if file != "" {
				to = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(t, to), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
}

// anchors are what the headings of a page become on GitHub.
func anchors(t *testing.T, page string) []string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(string(data), ""), -1) {
		words := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(words, " ", "-"))
	}
	return all
}

// TestTargets: what the pages call by make is in the Makefile.
func TestTargets(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages(t) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range target.FindAllStringSubmatch(string(data), -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:`).Match(makefile) {
				t.Errorf("%s: the Makefile has no target %s", page, m[1])
			}
		}
	}
}
