package config

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// minimal is the whole file that most people need.
const minimal = `# /etc/vipctl/vipctl.yml: this much is enough
patroni:
  config: /etc/patroni/config.yml
vips:
  - address: 192.0.2.10
    interface: eth0
`

// twoVIPs is a file with two VIPs and settings of most kinds.
const twoVIPs = `patroni:
  config: /etc/patroni/config.yml
  url: https://10.0.0.1:8008/
  ca_file: /etc/patroni/ca.pem
  cert_file: /etc/patroni/client.pem
  key_file: /etc/patroni/client.key
  scope: demo
  timeout: 800ms
vips:
  - address: 192.0.2.10
    interface: eth0
  - name: standby
    address: 2001:db8::10/64
    interface: 02:00:00:00:00:0A
    follow: standby_leader
    lease: off
    handover: 1500ms
interval: 1s
announce:
  refresh: 1m30s
paths: {run: /run/vipctl/two/, state: /var/lib/vipctl/two}
history:
  keep: 1000000
log:
  level: debug
  format: json
`

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "vipctl.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Load(write(t, text))
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func TestDefaults(t *testing.T) {
	c := load(t, minimal)
	c.settings = nil
	want := &Config{
		Patroni: Patroni{Config: "/etc/patroni/config.yml", Timeout: 1800 * time.Millisecond},
		VIPs: []VIP{{
			Name: "192.0.2.10", Prefix: netip.MustParsePrefix("192.0.2.10/32"), Interface: "eth0",
			Follow: "primary", Lease: true, HandOver: 5 * time.Second,
		}},
		Interval: 2 * time.Second,
		Announce: Announce{Refresh: time.Minute},
		Paths:    Paths{Run: "/run/vipctl", State: "/var/lib/vipctl"},
		History:  History{Keep: 10000},
		Log:      Log{Level: "info", Format: "auto"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestEverySettingGiven(t *testing.T) {
	c := load(t, twoVIPs)
	c.settings = nil
	want := &Config{
		Patroni: Patroni{
			Config: "/etc/patroni/config.yml", URL: "https://10.0.0.1:8008", CAFile: "/etc/patroni/ca.pem",
			CertFile: "/etc/patroni/client.pem", KeyFile: "/etc/patroni/client.key", Scope: "demo", Timeout: 800 * time.Millisecond,
		},
		VIPs: []VIP{{
			Name: "192.0.2.10", Prefix: netip.MustParsePrefix("192.0.2.10/32"), Interface: "eth0",
			Follow: "primary", Lease: true, HandOver: 5 * time.Second,
		}, {
			Name: "standby", Prefix: netip.MustParsePrefix("2001:db8::10/64"), Interface: "02:00:00:00:00:0a",
			Follow: "standby_leader", HandOver: 1500 * time.Millisecond,
		}},
		Interval: time.Second,
		Announce: Announce{Refresh: 90 * time.Second},
		Paths:    Paths{Run: "/run/vipctl/two", State: "/var/lib/vipctl/two"},
		History:  History{Keep: 1000000},
		Log:      Log{Level: "debug", Format: "json"},
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
}

func TestSettingsSayWhereTheyComeFrom(t *testing.T) {
	var got strings.Builder
	for _, s := range load(t, twoVIPs).Settings() {
		got.WriteString(s.Name + " = " + s.Value + " # " + s.Source + "\n")
	}
	const want = `patroni.config = /etc/patroni/config.yml # vipctl.yml:2
patroni.url = https://10.0.0.1:8008 # vipctl.yml:3
patroni.ca_file = /etc/patroni/ca.pem # vipctl.yml:4
patroni.cert_file = /etc/patroni/client.pem # vipctl.yml:5
patroni.key_file = /etc/patroni/client.key # vipctl.yml:6
patroni.environment_file =  # default
patroni.scope = demo # vipctl.yml:7
patroni.name =  # default
patroni.timeout = 800ms # vipctl.yml:8
vips[0].address = 192.0.2.10/32 # vipctl.yml:10
vips[0].interface = eth0 # vipctl.yml:11
vips[0].name = 192.0.2.10 # default
vips[0].follow = primary # default
vips[0].lease = auto # default
vips[0].handover = 5s # default
vips[1].address = 2001:db8::10/64 # vipctl.yml:13
vips[1].interface = 02:00:00:00:00:0a # vipctl.yml:14
vips[1].name = standby # vipctl.yml:12
vips[1].follow = standby_leader # vipctl.yml:15
vips[1].lease = off # vipctl.yml:16
vips[1].handover = 1.5s # vipctl.yml:17
interval = 1s # vipctl.yml:18
announce.refresh = 1m30s # vipctl.yml:20
paths.run = /run/vipctl/two # vipctl.yml:21
paths.state = /var/lib/vipctl/two # vipctl.yml:21
history.keep = 1000000 # vipctl.yml:23
log.level = debug # vipctl.yml:25
log.format = json # vipctl.yml:26
`
	if got.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", got.String(), want)
	}
}

func TestAccepted(t *testing.T) {
	for _, text := range []string{
		strings.ReplaceAll(minimal, "\n", "\r\n"),
		"\uFEFF" + minimal,
		"---\n" + minimal + "...\n",
		minimal + "log:\n  # level: debug\n", // a section with everything commented out
		`{"patroni": {"config": "/p.yml", "url": "http://[::1]:8008"}, "vips": [{"address": "2001:db8::1", "interface": "wg0"}]}`,
		minimal + "interval: 500ms\n", minimal + "interval: 30s\n",
		minimal + "    handover: 0\n", minimal + "    handover: 30s\n",
		minimal + "    name: \"10\"\n", minimal + "    name: 2001:db8::1-a_B\n",
		minimal + "history: {keep: 1}\n",
		strings.Replace(minimal, "192.0.2.10", "192.0.2.0/31", 1),
		strings.Replace(minimal, "192.0.2.10", "10.1.2.3/1", 1),
		strings.Replace(minimal, "eth0", "a-rather-long-alternative-name.100", 1),
	} {
		load(t, text)
	}
}

func TestDurationsAreShownShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 10 * time.Second: "10s", time.Minute: "1m", 90 * time.Second: "1m30s", 10 * time.Minute: "10m",
		time.Hour: "1h", time.Hour + time.Second: "1h0m1s", 20 * time.Hour: "20h", time.Hour + 10*time.Minute: "1h10m",
	} {
		if got := showDuration(d); got != want {
			t.Errorf("showDuration(%d) = %s, want %s", d, got, want)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for _, file := range []struct{ name, text string }{{"minimal", minimal}, {"two VIPs", twoVIPs}} {
		b.Run(file.name, func(b *testing.B) {
			path := write(b, file.text)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Load(path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
