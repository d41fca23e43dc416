package examples

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/config"
)

func file(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// vips are those of a vipctl.yml that must be right.
func vips(t *testing.T, name, text string) []config.VIP {
	t.Helper()
	c, err := config.Read(name, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return c.VIPs
}

func TestRobot(t *testing.T) {
	const name = "hetzner-robot/vipctl.yml"
	text := file(t, name)
	both := vips(t, name, regexp.MustCompile(`(?m)^  # `).ReplaceAllString(text, "  "))
	if len(vips(t, name, text)) != 1 || len(both) != 2 {
		t.Fatalf("%d VIPs, and one of them is no comment", len(both))
	}
	for _, v := range both {
		if v.Route == nil || v.Route.HetznerRobot == nil || v.Route.HetznerRobot.PasswordFile == "" {
			t.Errorf("%s is not routed by the Robot with a password from a file", v.Name)
		}
	}
}

func TestVSwitch(t *testing.T) {
	for _, v := range vips(t, "vswitch.yml", file(t, "hetzner-robot/vswitch.yml")) {
		if v.Route != nil {
			t.Errorf("%s has a route, which a vSwitch does not need", v.Name)
		}
	}
}

// cloudVIP is the only one of the vipctl.yml that cloud-init writes. Terraform fills in the
// variables.
func cloudVIP(t *testing.T, variables map[string]string) config.VIP {
	t.Helper()
	text := regexp.MustCompile(`\$\{(\w+)\}`).ReplaceAllStringFunc(file(t, "hetzner-cloud/cloud-init.yml"), func(v string) string {
		return variables[v[2:len(v)-1]]
	})
	var init struct {
		Files []struct{ Path, Content string } `yaml:"write_files"`
	}
	if err := yaml.Unmarshal([]byte(text), &init); err != nil {
		t.Fatal(err)
	}
	if len(init.Files) != 1 || init.Files[0].Path != "/etc/vipctl/vipctl.yml" {
		t.Fatalf("cloud-init writes %+v, want /etc/vipctl/vipctl.yml and no secret", init.Files)
	}
	all := vips(t, "cloud-init.yml", init.Files[0].Content)
	if len(all) != 1 {
		t.Fatalf("%d VIPs, want 1", len(all))
	}
	return all[0]
}

// TestCloud holds cloud-init.yml against main.tf, which fills it in and makes the floating IP that
// it names.
func TestCloud(t *testing.T) {
	terraform := file(t, "hetzner-cloud/main.tf")
	given := regexp.MustCompile(`(?s)cloud-init\.yml", \{\s*(\w+) = hcloud_floating_ip\.pg\.ip_address\s*\}`).FindStringSubmatch(terraform)
	made := regexp.MustCompile(`(?s)resource "hcloud_floating_ip" "pg" \{\s*name += "([^"]+)"`).FindStringSubmatch(terraform)
	if given == nil || made == nil {
		t.Fatal("main.tf makes no floating IP, or gives cloud-init.yml something else than its address")
	}
	v := cloudVIP(t, map[string]string{given[1]: "203.0.113.5"})
	if v.Prefix.String() != "203.0.113.5/32" || v.Route == nil || v.Route.HetznerCloud == nil {
		t.Fatalf("got %+v, want the floating IP's address with a route", v)
	}
	if c := v.Route.HetznerCloud; c.FloatingIP != made[1] || c.TokenFile != "/etc/vipctl/hcloud.token" {
		t.Errorf("got %+v, want the floating IP %s and the token where the README puts it", c, made[1])
	}
	if readme := file(t, "hetzner-cloud/README.md"); !strings.Contains(readme, " /etc/vipctl/hcloud.token'") {
		t.Error("the README puts the token somewhere else")
	}
}
