package config

import (
	"slices"
	"strings"
)

// sections are those of the file. "" is its root, and "vips" stands for each item of that list.
func sections() []string {
	return []string{"", "patroni", "vips", "announce", "paths", "history", "log", "route", "hetzner_cloud", "hetzner_robot"}
}

// keysOf returns the settings that a section knows, in the order of the documentation.
func keysOf(section string) []string {
	switch section {
	case "":
		return []string{"patroni", "vips", "interval", "announce", "paths", "history", "log"}
	case "patroni":
		return []string{"config", "url", "ca_file", "cert_file", "key_file", "environment_file", "scope", "name", "timeout"}
	case "vips":
		return []string{"address", "interface", "name", "follow", "lease", "handover", "route"}
	case "route":
		return []string{"hetzner_cloud", "hetzner_robot"}
	case "hetzner_cloud":
		return []string{"alias_ip", "floating_ip", "network", "server", "token_file", "endpoint", "address"}
	case "hetzner_robot":
		return []string{"user", "password_file", "server_ip", "failover_ip", "endpoint"}
	case "announce":
		return []string{"refresh"}
	case "paths":
		return []string{"run", "state"}
	case "history":
		return []string{"keep"}
	case "log":
		return []string{"level", "format"}
	}
	panic("config: no section " + section)
}

// elsewhere returns the hint that a key belongs to another section than that of path, which does
// not know it; empty where no section knows it. The keys of the providers are common words: the
// hint names a provider only for a key within a VIP.
func elsewhere(key, path string) string {
	var homes []string
	for _, section := range sections() {
		provider := strings.HasPrefix(section, "hetzner_")
		switch {
		case !slices.Contains(keysOf(section), key), provider && (!strings.HasPrefix(path, "vips[") || len(homes) > 0):
		case section == "":
			return "it belongs at the top level"
		default:
			homes = append(homes, section)
		}
	}
	if len(homes) == 0 {
		return ""
	}
	return "it belongs under " + strings.Join(homes, " or ")
}

// Closest returns the one of words that text most likely means: one that begins with text, or else
// the one that differs from it in the fewest letters, at most a third of them. Upper and lower case
// are alike, and so are hyphens and underscores. It returns "" where there is none.
func Closest(text string, words []string) string {
	const longest = 32 // of any word, with room
	if len(text) > longest {
		return ""
	}
	alike := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	text = alike(text)
	best, least := "", max(1, len(text)/3)+1
	for _, word := range words {
		if len(text) > 2 && strings.HasPrefix(alike(word), text) {
			return word
		}
		if d := distance(text, alike(word)); d < least {
			best, least = word, d
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their neighbour to make b of a.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
