package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vipctl/vipctl/config"
)

// read checks the text of a vipctl.yml.
func read(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := config.Read("vipctl.yml", strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return c
}

// TestConfiguration holds the tables against the settings of the shortest files, without a route
// and with each: the keys and their defaults.
func TestConfiguration(t *testing.T) {
	const shortest = "patroni: {config: /etc/patroni/config.yml}\nvips:\n- address: 192.0.2.10\n  interface: eth0\n"
	theAddress := []string{"vips[].name", "vips[].route.hetzner_cloud.floating_ip", "vips[].route.hetzner_robot.failover_ip"}
	var keys []string
	defaults := map[string]string{}
	for _, route := range []string{"", "  route: {hetzner_cloud: {}}\n", "  route: {hetzner_robot: {user: u, server_ip: 192.0.2.1}}\n"} {
		for _, s := range read(t, shortest+route).Settings() {
			name := strings.Replace(s.Name, "[0]", "[]", 1)
			keys = append(keys, name)
			switch {
			case s.Source != "default" || s.Value == "":
				defaults[name] = "-"
			case slices.Contains(theAddress, name) && s.Value == "192.0.2.10":
				defaults[name] = "the address"
			default:
				defaults[name] = s.Value
			}
		}
	}
	table := tableRows(section(t, "configuration.md", "Configuration"))
	var documented []string
	for _, row := range table {
		key := strings.Trim(row[0], "`")
		documented = append(documented, key)
		if want, ok := defaults[key]; ok && row[1] != want {
			t.Errorf("%s: the default is %s, documented is %s", key, want, row[1])
		}
	}
	same(t, "keys", documented, keys)
}

var (
	yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")
	anOption  = regexp.MustCompile(`(?m)^( +)# ([a-z_]+: )`)
)

// yamlBlocks are a page's, each also with the options in force that stand in it as comments.
func yamlBlocks(t *testing.T, page string) []string {
	t.Helper()
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range yamlBlock.FindAllStringSubmatch(string(data), -1) {
		all = append(all, m[1])
		if more := anOption.ReplaceAllString(m[1], "$1$2"); more != m[1] {
			all = append(all, more)
		}
	}
	return all
}

// TestYAML: what people copy from the pages is accepted, with the parts that a block leaves out.
func TestYAML(t *testing.T) {
	for page, least := range map[string]int{"configuration.md": 2, "hetzner.md": 4} {
		blocks := yamlBlocks(t, page)
		for _, text := range blocks {
			if !strings.Contains(text, "patroni:\n") {
				text += "patroni: {config: /etc/patroni/config.yml}\n"
			}
			if !strings.Contains(text, "vips:\n") {
				text += "vips: [{address: 192.0.2.10, interface: eth0}]\n"
			}
			for _, v := range read(t, text).VIPs {
				if page == "hetzner.md" && v.Route == nil {
					t.Errorf("%s: no route in\n%s", page, text)
				}
			}
		}
		if len(blocks) < least {
			t.Errorf("%s: %d blocks of YAML, want %d at least", page, len(blocks), least)
		}
	}
}
