package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// asIs shows a text value.
func asIs(text string) string { return text }

// path is an absolute path, cleaned.
func path() kind[string] {
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		clean := filepath.Clean(text)
		switch {
		case hasControl(text):
			return "", &wish{want: "an absolute path", hint: "it has a control character in it"}
		case strings.HasPrefix(text, "~"):
			return "", &wish{want: "an absolute path", hint: "~ is not expanded"}
		case !filepath.IsAbs(text):
			return "", &wish{want: "an absolute path"}
		case clean == "/":
			return "", &wish{want: "an absolute path below /"}
		}
		return clean, nil
	}}
}

// givenName is a cluster's or a member's name: Patroni takes any text.
func givenName() kind[string] {
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		if text == "" || hasControl(text) {
			return "", &wish{want: "the name as patroni.yml would have it"}
		}
		return text, nil
	}}
}

func hasControl(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

// restURL is where a REST API answers: scheme and host, no path.
func restURL() kind[string] {
	const want = "a URL such as http://127.0.0.1:8008"
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		if strings.Contains(text, "@") { // it may be a password: never show it
			return "", &wish{got: "a URL with a user in it", want: want, hint: "Patroni needs no login to be asked"}
		}
		u, err := url.Parse(text)
		switch {
		case err != nil, hasControl(text):
			return "", &wish{want: want}
		case u.Scheme != "http" && u.Scheme != "https":
			return "", &wish{want: want, hint: "it begins with http:// or https://"}
		case u.Hostname() == "":
			return "", &wish{want: want, hint: "it has no host"}
		case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()):
			return "", &wish{want: want, hint: "its port is not one"}
		case u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "":
			return "", &wish{want: want, hint: "without anything after the host and port"}
		}
		return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String(), nil
	}}
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// oneOf is one of a few words.
func oneOf(words ...string) kind[string] {
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		if slices.Contains(words, text) {
			return text, nil
		}
		w := &wish{want: "one of " + list(words)}
		if word := Closest(text, words); word != "" {
			w.hint = "did you mean " + word + "?"
		}
		if slices.Contains(words, "primary") && text == "master" {
			w.hint = "did you mean primary?"
		}
		return "", w
	}}
}

// lease is auto, which is true, or off.
func lease() kind[bool] {
	return either("auto", "off", map[string]string{"false": "off", "no": "off", "never": "off"})
}

// either is one of two words: yes is true, no is false. hints say what is meant by words that are
// neither.
func either(yes, no string, hints map[string]string) kind[bool] {
	words := oneOf(yes, no)
	return kind[bool]{
		show: func(on bool) string {
			if on {
				return yes
			}
			return no
		},
		parse: func(text string) (bool, *wish) {
			word, wrong := words.parse(text)
			if hint := hints[strings.ToLower(text)]; wrong != nil && hint != "" {
				wrong.hint = "write " + hint
			}
			return word == yes, wrong
		},
	}
}

// duration is a time with its unit, from least to most.
func duration(least, most time.Duration) kind[time.Duration] {
	within := func(d time.Duration) bool { return d >= least && d <= most }
	return kind[time.Duration]{show: showDuration, parse: func(text string) (time.Duration, *wish) {
		d, err := time.ParseDuration(text)
		if err == nil && within(d) {
			return d, nil
		}
		w := &wish{want: "a duration from " + showDuration(least) + " to " + showDuration(most)}
		for _, unit := range []string{"", "s", "ms"} { // "5 s" and "5" alone
			meant := strings.ReplaceAll(text, " ", "") + unit
			if d, err := time.ParseDuration(meant); err == nil && within(d) {
				w.hint = "write " + meant
				break
			}
		}
		return 0, w
	}}
}

// because makes each refusal of k say why its values are bounded as they are.
func because[T any](why string, k kind[T]) kind[T] {
	return kind[T]{show: k.show, parse: func(text string) (T, *wish) {
		value, w := k.parse(text)
		if w != nil {
			w.want += ", because " + why
		}
		return value, w
	}}
}

// showDuration is [time.Duration.String] without zeros at the end: 1m, not 1m0s.
func showDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// number is a whole number in decimal digits, from least to most.
func number(least, most int) kind[int] {
	return kind[int]{show: strconv.Itoa, parse: func(text string) (int, *wish) {
		n, err := strconv.Atoi(text)
		if err != nil || n < least || n > most {
			return 0, &wish{want: fmt.Sprintf("a whole number from %d to %d", least, most)}
		}
		return n, nil
	}}
}

// vipName is a VIP's name, which becomes part of file names beside vipctl's own.
func vipName() kind[string] {
	const longest = 100 // a file's name may have 255 bytes, suffixes included
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		w := &wish{want: "a name of letters, digits and . _ : -"}
		switch {
		case text == "", strings.ContainsFunc(text, func(c rune) bool { return !inName(c) }):
			return "", w
		case text == "." || text == "..":
			w.hint = "that is a folder"
			return "", w
		case text == "patroni":
			w.hint = "vipctl keeps a note under this one itself"
			return "", w
		case len(text) > longest:
			w.want = fmt.Sprintf("a name of at most %d characters", longest)
			return "", w
		}
		return text, nil
	}}
}

func inName(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("._:-", c)
}
