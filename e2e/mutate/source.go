package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mutant is one operator of the source, put wrong.
type mutant struct {
	id       int // from 1
	at       token.Position
	function string
	text     string // the expression
	from, to string // the operator
}

func (m mutant) where() string {
	return fmt.Sprintf("%s:%d", filepath.Join(folder, filepath.Base(m.at.Filename)), m.at.Line)
}

// String names the mutant without a line number, so that the name survives other changes of the
// file.
func (m mutant) String() string {
	return fmt.Sprintf("%s: %s: %s to %s", m.function, m.text, m.from, m.to)
}

// wrongs are the mutations of an operator. [pickers] has what each of them becomes in the source.
var wrongs = map[string][]string{
	"==": {"!="}, "!=": {"=="}, "<": {"<=", ">="}, "<=": {"<", ">"}, ">": {">=", "<="}, ">=": {">", "<"},
	"&&": {"||"}, "||": {"&&"}, "+": {"-"}, "-": {"+"}, "!": {"nothing"}, "min": {"max"}, "max": {"min"},
	"Before": {"<=", ">="}, "After": {">=", "<="}, "Add": {"-"}, "Sub": {"+"}, "Min": {"Max"}, "Max": {"Min"}, "IsZero": {"!IsZero"},
}

// picker is the function that stands for an operator in the mutated source, see pick.go.txt.
var pickers = map[string]string{
	"<": "pickLess", "<=": "pickAtMost", ">": "pickMore", ">=": "pickAtLeast", "&&": "pickAnd", "||": "pickOr",
	"+": "pickPlus", "-": "pickMinus", "min": "pickMin", "max": "pickMax",
	"Before": "pickBefore", "After": "pickAfter", "Add": "pickAdd", "Sub": "pickSub", "Min": "pickEarlier", "Max": "pickLater",
}

// edit replaces source[from:to]. Of edits at one place the one with the lower rank comes first.
type edit struct {
	from, to, rank int
	text           string
}

// editor rewrites one file.
type editor struct {
	source   []byte
	fset     *token.FileSet
	function string
	next     int
	mutants  []mutant
	edits    []edit
}

// mutate returns the source of a file with every operator in its functions replaced by one that can
// go wrong, and the mutants that this makes, numbered from first.
func mutate(path string, first int) ([]byte, []mutant, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	e := &editor{source: source, fset: token.NewFileSet(), next: first}
	file, err := parser.ParseFile(e.fset, path, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, nil, err
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				e.function = d.Name.Name
				ast.Inspect(d.Body, e.visit)
			}
		case *ast.GenDecl:
			if d.Tok == token.VAR {
				e.table(d)
			}
		}
	}
	return e.apply(), e.mutants, nil
}

// table visits the functions that stand in a variable: the conditions of a table's rows.
func (e *editor) table(d *ast.GenDecl) {
	for _, s := range d.Specs {
		v, ok := s.(*ast.ValueSpec)
		if !ok {
			continue
		}
		e.function = v.Names[0].Name
		ast.Inspect(v, func(n ast.Node) bool {
			f, ok := n.(*ast.FuncLit)
			if ok {
				ast.Inspect(f.Body, e.visit)
			}
			return !ok
		})
	}
}

func (e *editor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.BinaryExpr:
		e.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			e.wrap(n, fmt.Sprintf("pickFlip(%d, ", e.mutant(n, "!")), ")")
		}
	case *ast.CallExpr:
		e.method(n)
		if f, ok := n.Fun.(*ast.Ident); ok && len(n.Args) == 2 && pickers[f.Name] != "" {
			e.replace(f.Pos(), f.End(), "")
			e.replace(n.Lparen, n.Lparen+1, fmt.Sprintf("%s(%d, ", pickers[f.Name], e.mutant(n, f.Name)))
		}
	}
	return true
}

// method is an operator of Moments, which have methods instead.
func (e *editor) method(n *ast.CallExpr) {
	s, ok := n.Fun.(*ast.SelectorExpr)
	if !ok || wrongs[s.Sel.Name] == nil {
		return
	}
	id := e.mutant(n, s.Sel.Name)
	switch len(n.Args) {
	case 0:
		e.wrap(n, fmt.Sprintf("pickFlip(%d, ", id), ")")
	case 1:
		e.wrap(n, fmt.Sprintf("%s(%d, ", pickers[s.Sel.Name], id), "")
		e.replace(s.X.End(), n.Lparen+1, ", ")
	}
}

func (e *editor) binary(n *ast.BinaryExpr) {
	op := n.Op.String()
	if wrongs[op] == nil || joinsText(n) {
		return
	}
	id := e.mutant(n, op)
	switch n.Op {
	case token.EQL, token.NEQ:
		e.wrap(n, fmt.Sprintf("pickFlip(%d, ", id), ")")
	case token.LAND, token.LOR: // the right side must wait for the left
		e.wrap(n, fmt.Sprintf("%s(%d, ", pickers[op], id), ") })")
		e.replace(n.OpPos, n.OpPos+2, ", func() bool { return (")
	default:
		e.wrap(n, fmt.Sprintf("%s(%d, ", pickers[op], id), ")")
		e.replace(n.OpPos, n.OpPos+token.Pos(len(op)), ",")
	}
}

// joinsText reports whether a + joins strings.
func joinsText(n *ast.BinaryExpr) bool {
	found := false
	ast.Inspect(n, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		found = found || ok && lit.Kind == token.STRING
		return true
	})
	return n.Op == token.ADD && found
}

// mutant numbers the mutants of one operator, and returns the first number.
func (e *editor) mutant(n ast.Node, op string) (id int) {
	id = e.next
	text := string(e.source[e.offset(n.Pos()):e.offset(n.End())])
	for _, to := range wrongs[op] {
		e.mutants = append(e.mutants, mutant{
			id: e.next, at: e.fset.Position(n.Pos()), function: e.function,
			text: strings.Join(strings.Fields(text), " "), from: op, to: to,
		})
		e.next++
	}
	return id
}

// wrap puts text around a node: what is around more of the source goes further out.
func (e *editor) wrap(n ast.Node, before, after string) {
	from, to := e.offset(n.Pos()), e.offset(n.End())
	e.edits = append(e.edits, edit{from, from, 1_000_000 + len(e.edits), before}, edit{to, to, -len(e.edits), after})
}

func (e *editor) replace(from, to token.Pos, text string) {
	e.edits = append(e.edits, edit{e.offset(from), e.offset(to), 0, text})
}

func (e *editor) offset(p token.Pos) int { return e.fset.Position(p).Offset }

func (e *editor) apply() []byte {
	slices.SortFunc(e.edits, func(a, b edit) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.rank - b.rank
	})
	var out bytes.Buffer
	done := 0
	for _, x := range e.edits {
		out.Write(e.source[done:x.from])
		out.WriteString(x.text)
		done = x.to
	}
	out.Write(e.source[done:])
	return out.Bytes()
}
