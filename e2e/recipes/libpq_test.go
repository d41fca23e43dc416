package recipes

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestConnectionString: libpq takes the settings that docs/surroundings.md has for clients, and its
// table names each.
func TestConnectionString(t *testing.T) {
	alone(t)
	psql, _ := filepath.Glob("/usr/lib/postgresql/*/bin/psql")
	if len(psql) == 0 {
		t.Skip("needs psql (make deps installs it)")
	}
	page, err := os.ReadFile("../../docs/surroundings.md")
	must(t, err)
	line := regexp.MustCompile(`(?m)^host=VIP (.*)$`).FindStringSubmatch(string(page))
	if line == nil {
		t.Fatal("the page has no connection string")
	}
	refused, _ := exec.Command(psql[0], "host=127.0.0.1 port=1 "+line[1]).CombinedOutput()
	if !strings.Contains(string(refused), "Connection refused") {
		t.Errorf("libpq does not get as far as to connect: %s", refused)
	}
	for _, setting := range strings.Fields(line[1]) {
		name, _, _ := strings.Cut(setting, "=")
		short := "`" + strings.TrimPrefix(name, "keepalives") + "`"
		if !strings.Contains(string(page), "`"+name+"`") && !strings.Contains(string(page), short) {
			t.Errorf("the table does not have %s", name)
		}
	}
}
