package conf

import "strings"

const (
	blanks   = " \t"
	newlines = "\n\r"
)

// parseEnvironment reads a file as systemd's EnvironmentFile= does (src/basic/env-file.c): a
// comment is a line that begins with # or ;, a value is bare, in single or in double quotes, a
// backslash before a newline continues the line, nothing is expanded, and of two equal names the
// last counts. Lines that assign nothing are ignored.
func parseEnvironment(text string) map[string]string {
	variables := map[string]string{}
	for {
		text = strings.TrimLeft(text, blanks+newlines)
		switch {
		case text == "":
			return variables
		case strings.HasPrefix(text, "#"), strings.HasPrefix(text, ";"):
			text = skipComment(text)
			continue
		}
		end := strings.IndexAny(text, "="+newlines)
		if end < 0 {
			return variables
		}
		name, rest := text[:end], text[end+1:]
		if text[end] != '=' {
			text = rest
			continue
		}
		var value string
		value, text = scanValue(rest)
		variables[strings.TrimRight(name, blanks)] = value
	}
}

// skipComment returns what follows the comment's line. A newline after a backslash ends it too,
// since systemd 254.
func skipComment(text string) string {
	end := strings.IndexAny(text, newlines)
	if end < 0 {
		return ""
	}
	return text[end+1:]
}

// scanValue reads a value up to the end of its line and returns what follows. Quotes count only
// before the first bare character.
func scanValue(text string) (value, rest string) {
	var b []byte
	keep := 0 // b without the blanks at its end that nothing protects
	bare := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case strings.IndexByte(newlines, c) >= 0:
			return string(b[:keep]), text[i+1:]
		case c == '\\':
			bare = true
			if i++; i < len(text) && strings.IndexByte(newlines, text[i]) < 0 {
				b = append(b, text[i])
			}
			keep = len(b)
		case !bare && c == '\'':
			end := strings.IndexByte(text[i+1:], '\'')
			if end < 0 {
				return string(b) + text[i+1:], ""
			}
			b = append(b, text[i+1:i+1+end]...)
			keep = len(b)
			i += end + 1
		case !bare && c == '"':
			quoted, length := scanDoubleQuoted(text[i+1:])
			b = append(b, quoted...)
			keep = len(b)
			i += length
		case strings.IndexByte(blanks, c) >= 0:
			if bare {
				b = append(b, c)
			}
		default:
			bare = true
			b = append(b, c)
			keep = len(b)
		}
	}
	return string(b[:keep]), ""
}

// scanDoubleQuoted reads up to the closing quote and returns how many bytes that took, the quote
// included. A backslash protects only what it protects in a shell's double quotes.
func scanDoubleQuoted(text string) (value []byte, length int) {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return value, i + 1
		case c != '\\':
			value = append(value, c)
		case i+1 == len(text):
			return value, len(text)
		default:
			i++
			if next := text[i]; next != '\n' {
				if strings.IndexByte("\"\\`$", next) < 0 {
					value = append(value, '\\')
				}
				value = append(value, next)
			}
		}
	}
	return value, len(text)
}
