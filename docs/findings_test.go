package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestFindings: of each finding that the command, surroundings, patroni, patroni/conf or trust has
// in words, some words stand on the page, where people look for what they see; and none stand in
// the table, in quotes, that are in no text. Package trust returns errors, of which the command
// makes findings.
func TestFindings(t *testing.T) {
	var words []string
	quoted := regexp.MustCompile("`([^`]+)`")
	for _, row := range rows(t, "operations.md", "Findings") {
		for _, m := range quoted.FindAllStringSubmatch(row[0], -1) {
			words = append(words, pieces(m[1])...)
		}
	}
	page, err := os.ReadFile("operations.md")
	if err != nil {
		t.Fatal(err)
	}
	texts := literals(t)
	for _, w := range words {
		if !slices.ContainsFunc(texts, func(text literal) bool { return strings.Contains(text.text, w) }) {
			t.Errorf("%q is in no text", w)
		}
	}
	for _, l := range texts {
		known := slices.ContainsFunc(words, func(w string) bool { return strings.Contains(l.text, w) })
		if l.finding && !known && !slices.ContainsFunc(fixed(l.text), func(part string) bool { return strings.Contains(string(page), strings.TrimSpace(part)) }) {
			t.Errorf("%s: operations.md does not know %q", l.where, l.text)
		}
	}
}

// pieces are the fixed parts of what is quoted: without what stands for something, "..." and
// numbers, and between colons, where texts are put together.
func pieces(quote string) []string {
	var all []string
	for _, p := range regexp.MustCompile(`\.\.\.|: |\d[\d.]*s?`).Split(quote, -1) {
		if p = strings.Trim(p, " ,"); len(p) > 3 {
			all = append(all, p)
		}
	}
	return all
}

// fixed are the longer parts of a format that are the same each time.
func fixed(format string) []string {
	parts := regexp.MustCompile(`%(\[\d\])?[a-z]|[:;,]`).Split(format, -1)
	return slices.DeleteFunc(parts, func(part string) bool { return len(strings.Fields(part)) < 4 })
}

// literal is a text of the code.
type literal struct {
	text, where string
	finding     bool // the format of a finding, or of an error of package trust, with words of its own
}

func literals(t *testing.T) (all []literal) {
	t.Helper()
	for _, dir := range []string{"../cmd/vipctl", "../surroundings", "../patroni", "../patroni/conf", "../trust"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			f, err := parser.ParseFile(set, file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			formats := map[ast.Expr]bool{}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					s, ok := n.Fun.(*ast.SelectorExpr)
					switch {
					case ok && s.Sel.Name == "Add" && len(n.Args) > 1:
						formats[n.Args[1]] = true
					case ok && s.Sel.Name == "Errorf" && dir == "../trust" && len(fixed(constant(n.Args[0]))) > 0: // else a part of one
						formats[n.Args[0]] = true
					}
				case *ast.BinaryExpr, *ast.BasicLit:
					e := n.(ast.Expr)
					if text := constant(e); text != "" {
						wordy := regexp.MustCompile(`[a-z]{2,} [a-z]{2,}`).MatchString(text)
						all = append(all, literal{text, set.Position(e.Pos()).String(), formats[e] && wordy})
					}
				}
				return true
			})
		}
	}
	return all
}

// constant is a text, or several that are put together.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err == nil && e.Kind == token.STRING {
			return text
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return constant(e.X) + constant(e.Y)
		}
	}
	return ""
}
