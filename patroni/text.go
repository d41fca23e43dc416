package patroni

import (
	"strconv"
	"strings"
	"unicode"
)

// quoted is foreign text in quotes, at a length that fits a log line.
func quoted(s string) string { return strconv.Quote(short(s)) }

// plain is foreign text without quotes, at such a length. What could move a terminal's cursor is
// replaced.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, short(s))
}

func short(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "..."
}
