package conf

import (
	"errors"
	"math/big"
	"regexp"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"
)

// The tags of scalars that are not text.
const (
	tagText  = "!!str"
	tagInt   = "!!int"
	tagFloat = "!!float"
	tagBool  = "!!bool"
	tagNull  = "!!null"
	tagTime  = "!!timestamp"
	tagMerge = "!!merge"
	tagValue = "!!value"
)

// tagOf returns the tag that a node has for Patroni. Its loader, PyYAML, resolves plain scalars as
// YAML 1.1 does (yaml/resolver.py), and the library here mostly as YAML 1.2 does: 12:30 and yes are
// a number and a truth value there and text here, 1e3 and 09 the other way round.
func tagOf(n *yaml.Node) string {
	const quotes = yaml.DoubleQuotedStyle | yaml.SingleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	switch {
	case n.Kind != yaml.ScalarNode, n.Style&yaml.TaggedStyle != 0:
		return n.ShortTag()
	case n.Style&quotes != 0:
		return tagText
	}
	return plainTag(n.Value)
}

// plainTag is the tag of a scalar without quotes and tag.
func plainTag(text string) string {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return tagNull
	case "yes", "Yes", "YES", "no", "No", "NO", "true", "True", "TRUE", "false", "False", "FALSE",
		"on", "On", "ON", "off", "Off", "OFF":
		return tagBool
	case "<<":
		return tagMerge
	case "=":
		return tagValue
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
		return tagFloat
	}
	if !mayBeNumber(text) {
		return tagText
	}
	for _, known := range numbers() {
		if known.shape.MatchString(text) {
			return known.tag
		}
	}
	return tagText
}

// mayBeNumber tells most text, IPv4 addresses above all, from numbers and dates without a regular
// expression, which takes as long to compile as a whole patroni.yml to read.
func mayBeNumber(text string) bool {
	return strings.IndexByte("+-.0123456789", text[0]) >= 0 && strings.Count(text, ".") <= 1 &&
		strings.Trim(text, "0123456789abcdefABCDEFxXTtZ_.:+- \t") == ""
}

type numberShape struct {
	tag   string
	shape *regexp.Regexp
}

// numbers are the shapes of numbers and dates in YAML 1.1 (yaml.org/type), with PyYAML's
// differences.
var numbers = sync.OnceValue(func() []numberShape {
	return []numberShape{
		{tagInt, regexp.MustCompile(`^[-+]?(0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|[1-9][0-9_]*(:[0-5]?[0-9])+)$`)},
		{tagFloat, regexp.MustCompile(`^([-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?` +
			`|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*)$`)},
		{tagTime, regexp.MustCompile(`^([0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}` +
			`:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)$`)},
	}
})

// wholeNumber is the value of a text that has the shape of a whole number. ok is false where Python
// throws at it.
func wholeNumber(text string) (n *big.Int, ok bool) {
	digits := strings.TrimLeft(strings.ReplaceAll(text, "_", ""), "+-")
	switch {
	case strings.HasPrefix(digits, "0b"):
		n, ok = new(big.Int).SetString(digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		n, ok = new(big.Int).SetString(digits[2:], 16)
	case strings.HasPrefix(digits, "0"):
		n, ok = new(big.Int).SetString(digits, 8)
	default:
		n, ok = sexagesimal(digits)
	}
	if ok && strings.HasPrefix(text, "-") {
		n.Neg(n)
	}
	return n, ok
}

// sexagesimal reads 12:30 as 750; digits without a colon are decimal.
func sexagesimal(digits string) (*big.Int, bool) {
	n := new(big.Int)
	for _, part := range strings.Split(digits, ":") {
		d, ok := new(big.Int).SetString(part, 10)
		if !ok {
			return nil, false
		}
		n.Mul(n, big.NewInt(60)).Add(n, d)
	}
	return n, true
}

// parseBool knows the words that Patroni's parse_bool knows.
func parseBool(text string) (value, known bool) {
	switch strings.ToLower(text) {
	case "on", "true", "yes", "1":
		return true, true
	case "off", "false", "no", "0":
		return false, true
	}
	return false, false
}

// pythonText is what Python's str() makes of a scalar: Patroni compares by it when it merges.
// Floats and dates are taken as they are written.
func pythonText(n *yaml.Node) string {
	switch tagOf(n) {
	case tagBool:
		if value, _ := parseBool(n.Value); value {
			return "True"
		}
		return "False"
	case tagInt:
		if number, ok := wholeNumber(n.Value); ok {
			return number.String()
		}
	}
	return n.Value
}

// falsy reports whether Python takes a value for nothing, so that Patroni goes on as if it were not
// there.
func falsy(n *yaml.Node) bool {
	switch tagOf(n) {
	case tagNull:
		return true
	case tagText:
		return n.Value == ""
	case tagBool, tagInt:
		text := pythonText(n)
		return text == "False" || text == "0"
	case tagFloat:
		return strings.Trim(n.Value, "+-0_.:") == "" && strings.Contains(n.Value, "0")
	}
	return n.Kind != yaml.ScalarNode && len(n.Content) == 0
}

// errDate is a date that no calendar has.
var errDate = errors.New("no calendar has this date")

// dateExists checks the date at the beginning of a text that looks like one: Python throws at the
// 30th of February.
func dateExists(text string) error {
	date, _, _ := strings.Cut(strings.NewReplacer("T", " ", "t", " ", "\t", " ").Replace(text), " ")
	if _, err := time.Parse("2006-1-2", date); err != nil {
		return errDate
	}
	return nil
}
