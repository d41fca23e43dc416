package config

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzLoad feeds Load's parser with what a file may hold: it must not panic, and it either accepts, and then the rest
// of vipctl may rely on the invariants, or says why not, one line a problem.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"", "---", minimal, twoVIPs, "\uFEFF" + minimal, minimal + "---\n", "vips: [*a]", "&a [*a]", "? [a]\n: b\n", "<<: {a: b}",
		"patroni: {url: 'http://u:p@[::1%25eth0]:8008/'}\nvips: [{address: fe80::1%eth0, interface: 02:00:00:00:00:01, name: ..}]",
		"patroni: {config: /a/../b}\nvips:\n- {address: 10.0.0.1/255.255.255.0, interface: a@b, lease: off, handover: 0}\n",
		"interval: 9223372036854775807ns\nhistory: {keep: 99999999999999999999}\n", "a: |\n  b\n\tc: 'd\n", "\x00", "a: \xff\xfe",
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
	})
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
	check(p.Config != "" || p.URL != "", "no way to Patroni", p)
	check((p.CertFile == "") == (p.KeyFile == ""), "half a key pair", p)
	check(!strings.Contains(p.URL, "@"), "a user in the URL", p.URL)
	for _, path := range []string{p.Config, p.CAFile, p.CertFile, p.KeyFile, p.EnvironmentFile} {
		check(path == "" || absolute(path), "path", path)
	}
	check(within(p.Timeout, 100*time.Millisecond, 5*time.Second), "timeout", p.Timeout)
	check(within(c.Interval, 500*time.Millisecond, 30*time.Second), "interval", c.Interval)
	check(within(c.Announce.Refresh, time.Second, time.Hour), "refresh", c.Announce.Refresh)
	check(absolute(c.Paths.Run, c.Paths.State) && c.Paths.Run != c.Paths.State, "paths", c.Paths)
	check(c.History.Keep >= 1 && c.History.Keep <= 1e6, "keep", c.History.Keep)
	check(slices.Contains(LogLevels(), c.Log.Level) && slices.Contains(LogFormats(), c.Log.Format), "log", c.Log)

	check(len(c.VIPs) > 0, "no VIPs", c.VIPs)
	names, addresses := map[string]bool{}, map[netip.Addr]bool{}
	for _, v := range c.VIPs {
		a := v.Prefix.Addr()
		check(!names[v.Name] && !addresses[a], "twice", v)
		names[v.Name], addresses[a] = true, true
		check(regexp.MustCompile(`^[A-Za-z0-9._:-]+$`).MatchString(v.Name) && v.Name != "." && v.Name != ".." && v.Name != "patroni", "name", v)
		check(v.Prefix.IsValid() && v.Prefix.Bits() > 0 && !a.Is4In6() && a.Zone() == "" && a.IsGlobalUnicast(), "address", v)
		check(v.Interface != "" && !strings.ContainsAny(v.Interface, "/ @\n"), "interface", v)
		check(slices.Contains([]string{"primary", "leader", "standby_leader"}, v.Follow), "follow", v)
		check(within(v.HandOver, 0, 30*time.Second), "handover", v)
	}
	check(len(c.Settings()) == settingsOf(c), "settings", c.Settings())
}

// settingsOf counts the settings that a configuration has.
func settingsOf(c *Config) int {
	n := 14
	for _, v := range c.VIPs {
		n += 6
		if v.Route != nil && v.Route.HetznerCloud != nil {
			n += len(keysOf("hetzner_cloud"))
		}
		if v.Route != nil && v.Route.HetznerRobot != nil {
			n += len(keysOf("hetzner_robot"))
		}
	}
	return n
}
