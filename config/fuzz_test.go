package config

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// FuzzLoad feeds Load's parser with what a file may hold: it must not panic, and it either accepts,
// and then the rest of vipctl may rely on the invariants, or says why not, one line a problem. A
// file that is written from what another comes to comes to the same.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"", "---", minimal, twoVIPs, "\uFEFF" + minimal, minimal + "---\n", "vips: [*a]", "&a [*a]", "? [a]\n: b\n", "<<: {a: b}",
		"patroni: {url: 'http://u:p@[::1%25eth0]:8008/'}\nvips: [{address: fe80::1%eth0, interface: 02:00:00:00:00:01, name: ..}]",
		"patroni: {config: /a/../b}\nvips:\n- {address: 10.0.0.1/255.255.255.0, interface: a@b, lease: off, handover: 0}\n",
		"interval: 9223372036854775807ns\nhistory: {keep: 99999999999999999999}\n", "a: |\n  b\n\tc: 'd\n", "\x00", "ip: 192.0.2.10\nnetmask: 24\ninterface: eth0\n", "a: \xff\xfe",
		routed("2001:db8::10", "hetzner_cloud: {floating_ip: '2001:db8::/64', server: 42, token_file: /t, endpoint: 'http://[::1]:8/v1/', address: static}"),
		routed("10.0.1.100", "hetzner_cloud: {alias_ip: true, network: pg-net}"), routed("10.0.1.100", "hetzner_cloud:"),
		routed("198.51.100.7", "hetzner_robot: {user: '#ws+A', password_file: /p, server_ip: 192.0.2.1, failover_ip: 198.51.100.0}"),
		routed("2001:db8:fff1::10", "hetzner_robot: {user: u:p, server_ip: '2001:db8::%1', endpoint: 'https://u:p@x/?a#b'}\nhetzner_cloud: &a [*a]"),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := parse("vipctl.yml", data)
		if err != nil {
			checkProblems(t, c, err)
			return
		}
		checkConfig(t, c)
		checkWritten(t, c)
	})
}

// checkWritten writes a file from every setting that has a value, and reads it.
func checkWritten(t *testing.T, c *Config) {
	t.Helper()
	text := written(t, c.Settings())
	again, err := parse("vipctl.yml", text)
	if err != nil {
		t.Fatalf("written:\n%s\n%v", text, err)
	}
	for i, s := range c.Settings() {
		if got := again.Settings()[i]; got.Name != s.Name || got.Value != s.Value {
			t.Errorf("written: %+v, read: %+v", s, got)
		}
	}
	a, b := *c, *again
	a.settings, b.settings = nil, nil
	if !reflect.DeepEqual(a, b) {
		t.Errorf("written: %+v\nread:    %+v", a, b)
	}
}

func written(t *testing.T, settings []Setting) []byte {
	t.Helper()
	root, vips := map[string]any{}, []map[string]any{}
	for _, s := range settings {
		in, path, value := root, strings.Split(s.Name, "."), s.Value
		if strings.HasPrefix(s.Name, "vips[") {
			if path[1] == "address" { // the first of each VIP
				vips = append(vips, map[string]any{})
			}
			in, path = vips[len(vips)-1], path[1:]
		}
		if path[len(path)-1] == "user" { // shown in the quotes that a file needs
			var err error
			if value, err = strconv.Unquote(value); err != nil {
				t.Fatal(s, err)
			}
		}
		if value != "" {
			put(in, path, value)
		}
	}
	root["vips"] = vips
	text, err := yaml.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// put sets a value in a mapping of mappings.
func put(in map[string]any, path []string, value string) {
	for ; len(path) > 1; path = path[1:] {
		if in[path[0]] == nil {
			in[path[0]] = map[string]any{}
		}
		in = in[path[0]].(map[string]any)
	}
	in[path[0]] = value
}

func checkProblems(t *testing.T, c *Config, err error) {
	t.Helper()
	problems, ok := err.(Problems)
	if c != nil || !ok || len(problems) == 0 {
		t.Fatalf("got %v and %T %v", c, err, err)
	}
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != len(problems) {
		t.Errorf("%d lines for %d problems:\n%q", len(lines), len(problems), lines)
	}
	last := 0
	for i, p := range problems {
		if p.Line < last || p.Got == "" || p.Want == "" || hasControl(lines[i]) {
			t.Errorf("problem %d: %q", i, lines[i])
		}
		last = p.Line
	}
}

var fileName = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

func checkConfig(t *testing.T, c *Config) {
	t.Helper()
	check := func(ok bool, what string, value any) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %v", what, value)
		}
	}
	within := func(d, least, most time.Duration) bool { return d >= least && d <= most }
	absolute := func(paths ...string) bool {
		return !slices.ContainsFunc(paths, func(p string) bool { return !filepath.IsAbs(p) || filepath.Clean(p) != p || p == "/" })
	}
	p := c.Patroni
	check(p.Config != "" || p.EnvironmentFile != "" || p.URL != "" && p.Scope != "" && p.Name != "", "no way to Patroni", p)
	check((p.CertFile == "") == (p.KeyFile == ""), "half a key pair", p)
	check(!strings.Contains(p.URL, "@"), "a user in the URL", p.URL)
	for _, path := range []string{p.Config, p.CAFile, p.CertFile, p.KeyFile, p.EnvironmentFile} {
		check(path == "" || absolute(path), "path", path)
	}
	check(within(p.Timeout, 100*time.Millisecond, 1900*time.Millisecond), "timeout", p.Timeout)
	check(within(c.Interval, 500*time.Millisecond, 30*time.Second), "interval", c.Interval)
	check(within(c.Announce.Refresh, time.Second, time.Hour), "refresh", c.Announce.Refresh)
	check(absolute(c.Paths.Run, c.Paths.State) && c.Paths.Run != c.Paths.State, "paths", c.Paths)
	check(c.History.Keep >= 1 && c.History.Keep <= 1e6, "keep", c.History.Keep)
	check(slices.Contains(LogLevels(), c.Log.Level) && slices.Contains(LogFormats(), c.Log.Format), "log", c.Log)

	check(len(c.VIPs) > 0, "no VIPs", c.VIPs)
	settings := 16
	names, addresses := map[string]bool{}, map[netip.Addr]bool{}
	for _, v := range c.VIPs {
		a := v.Prefix.Addr()
		check(!names[v.Name] && !addresses[a], "twice", v)
		names[v.Name], addresses[a] = true, true
		check(fileName.MatchString(v.Name) && v.Name != "." && v.Name != ".." && v.Name != "patroni", "name", v)
		check(v.Prefix.IsValid() && v.Prefix.Bits() > 0 && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast(), "address", v)
		check(v.Interface != "" && !strings.ContainsAny(v.Interface, "/ @\n"), "interface", v)
		check(slices.Contains([]string{"primary", "leader", "standby_leader"}, v.Follow), "follow", v)
		check(within(v.HandOver, 0, 30*time.Second), "handover", v)
		settings += 6 + checkRoute(t, v)
	}
	check(len(c.Settings()) == settings, "settings", c.Settings())
}

// checkRoute holds a route against what its fields promise, and returns how many settings it has.
func checkRoute(t *testing.T, v VIP) int {
	t.Helper()
	bad := func(what string, is bool) {
		t.Helper()
		if is {
			t.Errorf("%s: %+v %+v %+v", what, v, v.Route.HetznerCloud, v.Route.HetznerRobot)
		}
	}
	secure := func(endpoint string) bool {
		u, err := url.Parse(endpoint)
		return endpoint == "" || err == nil && u.Host != "" && u.User == nil && !strings.ContainsAny(endpoint, "?#") &&
			!strings.HasSuffix(endpoint, "/") && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()))
	}
	if v.Route == nil {
		return 0
	}
	a, c, r := v.Prefix.Addr(), v.Route.HetznerCloud, v.Route.HetznerRobot
	bad("not one provider", (c == nil) == (r == nil))
	if c != nil {
		bad("floating and alias IP", (c.FloatingIP != "") == c.AliasIP || (c.Network != "") != c.AliasIP)
		bad("alias IP", c.AliasIP && (c.Static || a.Is6()))
		bad("server", c.Server < 0)
		bad("token", c.TokenFile != "" && !filepath.IsAbs(c.TokenFile))
		bad("endpoint", !secure(c.Endpoint))
		return len(keysOf("hetzner_cloud"))
	}
	bad("user", r.User == "" || strings.Contains(r.User, ":"))
	bad("password", r.PasswordFile != "" && !filepath.IsAbs(r.PasswordFile))
	bad("family", r.ServerIP.Is4() != a.Is4() || r.FailoverIP.Is4() != a.Is4() || r.ServerIP == a || r.ServerIP == r.FailoverIP)
	bad("endpoint", !secure(r.Endpoint))
	return len(keysOf("hetzner_robot"))
}
