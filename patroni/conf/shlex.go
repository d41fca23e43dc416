package conf

import (
	"errors"
	"strings"
)

// splitWords splits a command as Patroni does, by Python's shlex.split: quotes and backslashes as
// in a shell, and nothing is expanded. In double quotes a backslash protects only another and the
// quote.
func splitWords(text string) (words []string, err error) {
	var word strings.Builder
	begun := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case strings.IndexByte(blanks+newlines, c) >= 0:
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		case c == '\\':
			if i++; i == len(text) {
				return nil, errors.New("nothing follows the last backslash")
			}
			begun = true
			word.WriteByte(text[i])
		case c == '\'' || c == '"':
			length := unquote(&word, text[i+1:], c)
			if length < 0 {
				return nil, errors.New("a quote is not closed")
			}
			begun = true
			i += length
		default:
			begun = true
			word.WriteByte(c)
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// unquote reads up to the closing quote and returns how many bytes that took, the quote included;
// -1 where there is none.
func unquote(word *strings.Builder, text string, quote byte) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == quote:
			return i + 1
		case c == '\\' && quote == '"' && i+1 < len(text) && (text[i+1] == '"' || text[i+1] == '\\'):
			i++
			word.WriteByte(text[i])
		default:
			word.WriteByte(c)
		}
	}
	return -1
}
