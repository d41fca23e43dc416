package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// problems loads a file that must be refused and returns the message, the folder's name taken off.
func problems(t *testing.T, text string) string {
	t.Helper()
	path := write(t, text)
	c, err := Load(path)
	if err == nil || c != nil {
		t.Fatalf("Load = %v, %v; want problems for\n%s", c, err, text)
	}
	if _, ok := err.(Problems); !ok {
		t.Fatalf("Load's error is a %T", err)
	}
	return strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "")
}

func TestEveryProblemAtOnce(t *testing.T) {
	got := problems(t, `patroni:
  confg: /etc/patroni/config.yml
  url: http://bob:s3cret@127.0.0.1:8008
  cert_file: etc/x.pem
  timeout: 500
vips:
  - address: 192.0.2.10/255.255.255.0
    interface: eth0@if5
    route: hetzner
  - address: 192.0.2.11
    interface: eth0
    follow: master
    handover: 5
    lease: no
  - address: ::ffff:192.0.2.11
    interface: eth0:1
    name: ..
    interval: 2s
  - 192.0.2.10
  - address: 192.0.2.11/24
    interface: eth1
  -
  - name: 192.0.2.11
    adress: 192.0.2.12
    interface: 02:00:00:00:00:0G
interval: 5
interval: 6s
log: {level: warn, format: "jso\n", x: 5}
history:
  keep: 10k
paths: [a]
`)
	const want = `vipctl.yml:2: patroni.confg: got an unknown setting, want one of config, url, ca_file, cert_file, key_file, environment_file, scope, name, timeout (did you mean config?)
vipctl.yml:3: patroni.url: got a URL with a user in it, want a URL such as http://127.0.0.1:8008 (Patroni needs no login to be asked)
vipctl.yml:4: patroni.cert_file: got etc/x.pem, want an absolute path
vipctl.yml:4: patroni.cert_file: got a certificate without its key, want patroni.key_file too (one file with both may be named twice)
vipctl.yml:5: patroni.timeout: got 500, want a duration from 100ms to 1.9s, because an answer counts only up to 2s after the question (write 500ms)
vipctl.yml:7: vips[0].address: got 192.0.2.10/255.255.255.0, want a prefix length from 1 to 32 (write 192.0.2.10/24)
vipctl.yml:8: vips[0].interface: got eth0@if5, want a link's name, alternative name or MAC (write eth0: after the @ ip shows another link)
vipctl.yml:9: vips[0].route: got hetzner, want the settings hetzner_cloud, hetzner_robot
vipctl.yml:12: vips[1].follow: got master, want one of primary, leader, standby_leader (did you mean primary?)
vipctl.yml:13: vips[1].handover: got 5, want a duration from 0s to 30s (write 5s)
vipctl.yml:14: vips[1].lease: got no, want one of auto, off (write off)
vipctl.yml:15: vips[2].address: got ::ffff:192.0.2.11, want an IPv4 address as such (write 192.0.2.11)
vipctl.yml:16: vips[2].interface: got eth0:1, want a link's name, alternative name or MAC (an address label is not a link: write eth0)
vipctl.yml:17: vips[2].name: got .., want a name of letters, digits and . _ : - (that is a folder)
vipctl.yml:18: vips[2].interval: got an unknown setting, want one of address, interface, name, follow, lease, handover, route (it belongs at the top level)
vipctl.yml:19: vips[3]: got 192.0.2.10, want the settings address, interface, name, follow, lease, handover, route (write - address: and interface: below it)
vipctl.yml:20: vips[4].address: got 192.0.2.11 a second time, want each address once (the first is on line 10)
vipctl.yml:22: vips[5].address: got nothing, want the IP address that clients connect to
vipctl.yml:22: vips[5].interface: got nothing, want the link that the address belongs on (its name, for example eth0, or its MAC)
vipctl.yml:23: vips[6].name: got 192.0.2.11 a second time, want each name once (the first is on line 10)
vipctl.yml:24: vips[6].adress: got an unknown setting, want one of address, interface, name, follow, lease, handover, route (did you mean address?)
vipctl.yml:25: vips[6].interface: got 02:00:00:00:00:0G, want a MAC such as 02:00:00:00:00:01
vipctl.yml:26: interval: got 5, want a duration from 500ms to 30s (write 5s)
vipctl.yml:27: interval: got a setting that is set twice, want it set once (the first is on line 26)
vipctl.yml:28: log.level: got warn, want one of debug, info, warning, error (did you mean warning?)
vipctl.yml:28: log.format: got "jso\n", want one of auto, text, json, journal (did you mean json?)
vipctl.yml:28: log.x: got an unknown setting, want one of level, format
vipctl.yml:30: history.keep: got 10k, want a whole number from 1 to 1000000
vipctl.yml:31: paths: got a list, want the settings run, state`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestRefused puts one wrong thing into a right file. Lines: patroni: is line 1, address: is line
// 4.
func TestRefused(t *testing.T) {
	vip := func(address, more string) string {
		return "patroni: {config: /etc/p.yml}\nvips:\n  -\n    address: " + address + "\n    interface: eth0\n" + more
	}
	address := func(text string) string { return vip(text, "") }
	more := func(text string) string { return vip("192.0.2.10", text) }
	link := func(text string) string {
		return "patroni: {config: /etc/p.yml}\nvips:\n- address: 192.0.2.10\n  interface: " + text + "\n"
	}
	patroni := func(text string) string {
		return "patroni: " + text + "\nvips: [{address: 192.0.2.10, interface: eth0}]\n"
	}
	for _, c := range []struct{ text, want string }{
		// addresses
		{address("192.0.2.10/0"), "4: vips[0].address: got 192.0.2.10/0, want a prefix length from 1 to 32 (write 192.0.2.10 for this address alone)"},
		{address("2001:db8::1/0"), "4: vips[0].address: got 2001:db8::1/0, want a prefix length from 1 to 128 (write 2001:db8::1 for this address alone)"},
		{address("192.0.2.10/33"), "4: vips[0].address: got 192.0.2.10/33, want a prefix length from 1 to 32"},
		{address("192.0.2.10/"), "4: vips[0].address: got 192.0.2.10/, want a prefix length from 1 to 32"},
		{address("192.0.2.10/+24"), "4: vips[0].address: got 192.0.2.10/+24, want a prefix length from 1 to 32"},
		{address("192.0.2.10/255.0.255.0"), "4: vips[0].address: got 192.0.2.10/255.0.255.0, want a prefix length from 1 to 32"},
		{address("192.0.2.10/255.255.255.255"), "4: vips[0].address: got 192.0.2.10/255.255.255.255, want a prefix length from 1 to 32 (write 192.0.2.10/32)"},
		{address("192.0.2"), "4: vips[0].address: got 192.0.2, want an IP address such as 192.0.2.10 or 192.0.2.10/24"},
		{address("192.0.2.010"), "4: vips[0].address: got 192.0.2.010, want an IP address such as 192.0.2.10 or 192.0.2.10/24 (without leading zeros)"},
		{address("db.example.org"), "4: vips[0].address: got db.example.org, want an IP address such as 192.0.2.10 or 192.0.2.10/24"},
		{address("0.0.0.0"), "4: vips[0].address: got 0.0.0.0, want an address that one host can have (this is the unspecified address)"},
		{address(`"::"`), "4: vips[0].address: got ::, want an address that one host can have (this is the unspecified address)"},
		{address("127.0.0.2"), "4: vips[0].address: got 127.0.0.2, want an address that one host can have (this is a loopback address)"},
		{address("::1/128"), "4: vips[0].address: got ::1/128, want an address that one host can have (this is a loopback address)"},
		{address("224.0.0.18"), "4: vips[0].address: got 224.0.0.18, want an address that one host can have (this is a multicast address)"},
		{address("ff02::1"), "4: vips[0].address: got ff02::1, want an address that one host can have (this is a multicast address)"},
		{address("169.254.1.1"), "4: vips[0].address: got 169.254.1.1, want an address that one host can have (this is a link-local address, which no router forwards)"},
		{address("fe80::1"), "4: vips[0].address: got fe80::1, want an address that one host can have (this is a link-local address, which no router forwards)"},
		{address("fe80::1%eth0"), "4: vips[0].address: got fe80::1%eth0, want an IP address such as 192.0.2.10 or 192.0.2.10/24 (the link stands in interface)"},
		{address("255.255.255.255"), "4: vips[0].address: got 255.255.255.255, want an address that one host can have (this is the broadcast address)"},
		{address("0.1.2.3"), "4: vips[0].address: got 0.1.2.3, want an address that one host can have (this is in 0.0.0.0/8, which means this network)"},
		{address("::ffff:192.0.2.10/32"), "4: vips[0].address: got ::ffff:192.0.2.10/32, want an IPv4 address as such (write 192.0.2.10/32)"},
		{address("192.0.2.0/24"), "4: vips[0].address: got 192.0.2.0/24, want an address in the network (this is the network itself)"},
		{address("192.0.2.255/24"), "4: vips[0].address: got 192.0.2.255/24, want an address in the network (this is the network's broadcast address)"},
		{address("2001:db8::/64"), "4: vips[0].address: got 2001:db8::/64, want an address in the network (this is the network itself)"},
		{address(""), "4: vips[0].address: got nothing, want an IP address such as 192.0.2.10 or 192.0.2.10/24"},
		{address("[192.0.2.10]"), "4: vips[0].address: got a list, want an IP address such as 192.0.2.10 or 192.0.2.10/24"},
		{more("  - {address: 192.0.2.10/24, interface: eth1}\n"), "6: vips[1].address: got 192.0.2.10 a second time, want each address once (the first is on line 4)"},
		{vip("2001:db8::1", "  - {address: '2001:0DB8:0::1', interface: eth1}\n"), "6: vips[1].address: got 2001:db8::1 a second time, want each address once (the first is on line 4)"},
		// names
		{more("    name: .\n"), "6: vips[0].name: got ., want a name of letters, digits and . _ : - (that is a folder)"},
		{more("    name: a/b\n"), "6: vips[0].name: got a/b, want a name of letters, digits and . _ : -"},
		{more("    name: ''\n"), `6: vips[0].name: got "", want a name of letters, digits and . _ : -`},
		{more("    name: größe\n"), "6: vips[0].name: got größe, want a name of letters, digits and . _ : -"},
		{more("    name: patroni\n"), "6: vips[0].name: got patroni, want a name of letters, digits and . _ : - (vipctl keeps a note under this one itself)"},
		{more("    name: " + strings.Repeat("a", 101) + "\n"), "6: vips[0].name: got " + strings.Repeat("a", 80) + "..., want a name of at most 100 characters"},
		{more("    name: a\n  - {address: 192.0.2.11, interface: eth0, name: a}\n"), "7: vips[1].name: got a a second time, want each name once (the first is on line 6)"},
		{more("  - {address: 192.0.2.11, interface: eth0, name: 192.0.2.10}\n"), "6: vips[1].name: got 192.0.2.10 a second time, want each name once (the first is on line 4)"},
		// links
		{link("eth0/1"), "4: vips[0].interface: got eth0/1, want a link's name, alternative name or MAC"},
		{link("eth 0"), "4: vips[0].interface: got eth 0, want a link's name, alternative name or MAC"},
		{link(`".."`), "4: vips[0].interface: got .., want a link's name, alternative name or MAC"},
		{link(strings.Repeat("e", 128)), "4: vips[0].interface: got " + strings.Repeat("e", 80) + "..., want a link's name, alternative name or MAC"},
		{link("02:00:00:00:01"), "4: vips[0].interface: got 02:00:00:00:01, want a MAC such as 02:00:00:00:00:01"},
		{link("2:00:00:00:00:011"), "4: vips[0].interface: got 2:00:00:00:00:011, want a MAC such as 02:00:00:00:00:01"},
		{link("00:00:00:00:00:00"), "4: vips[0].interface: got 00:00:00:00:00:00, want the MAC of one link (this one stands for several or for none)"},
		{link("01:00:5e:00:00:01"), "4: vips[0].interface: got 01:00:5e:00:00:01, want the MAC of one link (this one stands for several or for none)"},
		// the rest of a VIP
		{more("    follow: replica\n"), "6: vips[0].follow: got replica, want one of primary, leader, standby_leader"},
		{more("    follow: Primary\n"), "6: vips[0].follow: got Primary, want one of primary, leader, standby_leader (did you mean primary?)"},
		{more("    lease: for ever\n"), "6: vips[0].lease: got for ever, want one of auto, off"},
		{more("    handover: 31s\n"), "6: vips[0].handover: got 31s, want a duration from 0s to 30s"},
		{more("    handover: -1s\n"), "6: vips[0].handover: got -1s, want a duration from 0s to 30s"},
		{more("    hand-over: 1s\n"), "6: vips[0].hand-over: got an unknown setting, want one of address, interface, name, follow, lease, handover, route (did you mean handover?)"},
		{"patroni: {config: /etc/p.yml}\nvips:\n", "2: vips: got nothing, want a list of at least one VIP (write - address: and interface: below vips:)"},
		{"patroni: {config: /etc/p.yml}\nvips: []\n", "2: vips: got an empty list, want a list of at least one VIP (write - address: and interface: below vips:)"},
		{"patroni: {config: /etc/p.yml}\n", "1: vips: got nothing, want a list of at least one VIP (write - address: and interface: below vips:)"},
		{"patroni: {config: /etc/p.yml}\nvip: []\n", "2: vip: got an unknown setting, want one of patroni, vips, interval, announce, paths, history, log (did you mean vips?)"},
		{"patroni: {config: /etc/p.yml}\nvips: {address: 192.0.2.1, interface: eth0}\n", "2: vips: got a mapping, want a list of at least one VIP (write - address: and interface: below vips:)"},
		// Patroni
		{patroni("{}"), "1: patroni.config: got nothing, want the path of Patroni's own configuration (for example /etc/patroni/config.yml)"},
		{patroni(""), "1: patroni.config: got nothing, want the path of Patroni's own configuration (for example /etc/patroni/config.yml)"},
		{patroni("/etc/p.yml"), "1: patroni: got /etc/p.yml, want the settings config, url, ca_file, cert_file, key_file, environment_file, scope, name, timeout"},
		{patroni("{config: ~/p.yml}"), "1: patroni.config: got ~/p.yml, want an absolute path (~ is not expanded)"},
		{patroni("{config: p.yml}"), "1: patroni.config: got p.yml, want an absolute path"},
		{patroni("{config: /}"), "1: patroni.config: got /, want an absolute path below /"},
		{patroni(`{config: "/etc/\x1b[31mp.yml"}`), `1: patroni.config: got "/etc/\x1b[31mp.yml", want an absolute path (it has a control character in it)`},
		{patroni("{config: /p, key_file: /k}"), "1: patroni.key_file: got a key without its certificate, want patroni.cert_file too (one file with both may be named twice)"},
		{patroni("{config: /p, url: 127.0.0.1:8008}"), "1: patroni.url: got 127.0.0.1:8008, want a URL such as http://127.0.0.1:8008"},
		{patroni("{config: /p, url: localhost}"), "1: patroni.url: got localhost, want a URL such as http://127.0.0.1:8008 (it begins with http:// or https://)"},
		{patroni("{config: /p, url: 'http://'}"), "1: patroni.url: got http://, want a URL such as http://127.0.0.1:8008 (it has no host)"},
		{patroni("{config: /p, url: 'http://a:'}"), "1: patroni.url: got http://a:, want a URL such as http://127.0.0.1:8008 (its port is not one)"},
		{patroni("{config: /p, url: 'http://a:65536'}"), "1: patroni.url: got http://a:65536, want a URL such as http://127.0.0.1:8008 (its port is not one)"},
		{patroni("{config: /p, url: 'http://a:8008/leader'}"), "1: patroni.url: got http://a:8008/leader, want a URL such as http://127.0.0.1:8008 (without anything after the host and port)"},
		{patroni("{config: /p, timeout: 99ms}"), "1: patroni.timeout: got 99ms, want a duration from 100ms to 1.9s, because an answer counts only up to 2s after the question"},
		{patroni("{config: /p, timeout: 2s}"), "1: patroni.timeout: got 2s, want a duration from 100ms to 1.9s, because an answer counts only up to 2s after the question"},
		// the rest
		{more("interval: 499ms\n"), "6: interval: got 499ms, want a duration from 500ms to 30s"},
		{more("interval: 2 s\n"), "6: interval: got 2 s, want a duration from 500ms to 30s (write 2s)"},
		{more("interval: 2 minutes\n"), "6: interval: got 2 minutes, want a duration from 500ms to 30s"},
		{more("interval:\n"), "6: interval: got nothing, want a duration from 500ms to 30s"},
		{more("announce: {refresh: 0s}\n"), "6: announce.refresh: got 0s, want a duration from 1s to 1h"},
		{more("paths: {state: /run/vipctl/}\n"), "6: paths: got /run/vipctl twice, want two folders (what is in paths.run must not outlive a boot)"},
		{more("history: {keep: 0}\n"), "6: history.keep: got 0, want a whole number from 1 to 1000000"},
		{more("history: {keep: 1000001}\n"), "6: history.keep: got 1000001, want a whole number from 1 to 1000000"},
		{more("history: {keep: 1e3}\n"), "6: history.keep: got 1e3, want a whole number from 1 to 1000000"},
		{more("history: {kepe: 5}\n"), "6: history.kepe: got an unknown setting, want one of keep (did you mean keep?)"},
		{more("level: info\n"), "6: level: got an unknown setting, want one of patroni, vips, interval, announce, paths, history, log (it belongs under log)"},
		{more("\"a\\nb\": 1\n"), `6: "a\nb": got an unknown setting, want one of patroni, vips, interval, announce, paths, history, log`},
		{more("[a]: 1\n"), "6: got a list as a setting's name, want one of patroni, vips, interval, announce, paths, history, log"},
		// what YAML can do and a configuration does not need
		{more("interval: &i 2s\n"), "6: interval: got the anchor &i, want plain YAML (write the value itself)"},
		{more("interval: !!str 2s\n"), "6: interval: got the tag !!str, want plain YAML (write the value itself)"},
		{patroni("&p {config: /p}"), "1: patroni: got the anchor &p, want plain YAML (write the value itself)"},
		{address("192.0.2.10/a.b"), "4: vips[0].address: got 192.0.2.10/a.b, want a prefix length from 1 to 32"},
		{"- a\n", "1: got a list, want settings, such as patroni: and vips:"},
		{"--- hello\n", "1: got hello, want settings, such as patroni: and vips:"},
		{more("---\na: 1\n"), "6: got a second YAML document, want one (remove the line ---; a second cluster has a file of its own)"},
	} {
		if got := problems(t, c.text); got != "vipctl.yml:"+c.want {
			t.Errorf("%s\ngot  %s\nwant vipctl.yml:%s", c.text, got, c.want)
		}
	}
}

// An alias stands for what its anchor has, and nested aliases for exponentially much: both are
// refused where they stand.
func TestAliasBombIsRefused(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'z'; c++ {
		before := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+before+", ", 8) + "*" + before + "]\n"
	}
	got := problems(t, "interval: &t 2s\nvips: *t\nlog:\n  <<: *t\n"+bomb)
	for _, want := range []string{
		"vipctl.yml:1: interval: got the anchor &t, want plain YAML (write the value itself)",
		"vipctl.yml:2: vips: got the alias *t, want plain YAML (write the value itself)",
		"vipctl.yml:4: log: got the merge key <<, want plain YAML (write the settings themselves)",
		"vipctl.yml:30: z: got an unknown setting",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestBrokenYAMLKeepsItsLine(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"a: b: c\n", "1: got broken YAML: mapping values are not allowed in this context, want valid YAML (look at the indentation, and quote a value that has a colon and a space in it)"},
		{minimal + "interval: 2s\n\tlog: x\n", "8: got a tab before the text, want spaces (YAML takes no tab for indentation)"},
		{"patroni:\n\tconfig: /x\n", "2: got a tab before the text, want spaces (YAML takes no tab for indentation)"},
		{"log: @x\n", "1: got broken YAML: found character that cannot start any token, want valid YAML (quote a value that begins with a special character)"},
		{minimal + " interval: 2s\n" + "log: {}\n", "7: got broken YAML: did not find expected key, want valid YAML (look at the indentation)"},
		{minimal + "paths: {run: /a\nlog: {}\n", "7: got broken YAML: did not find expected ',' or '}', want valid YAML (a bracket is opened and not closed)"},
		{"log:\n  level: \"info\n" + minimal, "2: got broken YAML: found unexpected end of stream, want valid YAML (a quote is opened and not closed)"},
		{minimal + "interval 2s\nlog: {}\n", "7: got broken YAML: could not find expected ':', want valid YAML (a colon and a space belong after a setting's name)"},
		{minimal + "interval: *nobody\n", "7: got broken YAML: unknown anchor 'nobody' referenced, want valid YAML"},
		{minimal + "interval: \x01\n", "7: got broken YAML: control characters are not allowed, want valid YAML"},
		{minimal + "interval: \xff\n", "7: got the byte 0xff, want text in UTF-8"},
		{strings.Repeat("#\n", 600) + "a:\n  b: 'c\n", "602: got broken YAML: found unexpected end of stream, want valid YAML (a quote is opened and not closed)"}, // too long to be tried line by line
		{minimal + "---\na: [\n", "8: got broken YAML: did not find expected node content, want valid YAML"},
	} {
		got := problems(t, c.text)
		if last := got[strings.LastIndexByte(got, '\n')+1:]; last != "vipctl.yml:"+c.want {
			t.Errorf("%s\ngot  %s\nwant vipctl.yml:%s", c.text, last, c.want)
		}
	}
}

func TestFilesThatAreNotRead(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct {
		path, want string
		cause      error
	}{
		{folder, "got a folder, want a readable vipctl.yml (name the file in it)", nil},
		{folder + "/none.yml", "got no such file or directory, want a readable vipctl.yml (name another file with --config or VIPCTL_CONFIG)", fs.ErrNotExist},
		{"/dev/null", "got something that is not a regular file, want a readable vipctl.yml", nil},
		{write(t, strings.Repeat("#", sizeMost+1)), "got a file of more than 1 MiB, want a readable vipctl.yml (is this the right file?)", nil},
		{write(t, ""), "got an empty file, want settings, such as patroni: and vips:", nil},
		{write(t, "# nothing yet\n"), "got an empty file, want settings, such as patroni: and vips:", nil},
	} {
		_, err := Load(c.path)
		if err == nil || err.Error() != c.path+": "+c.want {
			t.Errorf("Load(%s): got %v, want %s", c.path, err, c.want)
		}
		if c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("Load(%s): %v is not %v", c.path, err, c.cause)
		}
	}
}

// The size is checked on what is read and not on what stat says, so a file at the limit is still
// read.
func TestLargestFile(t *testing.T) {
	load(t, minimal+"#"+strings.Repeat("x", sizeMost-len(minimal)-1))
}

func TestUnreadable(t *testing.T) {
	err := &fs.PathError{Op: "open", Path: "/etc/vipctl/vipctl.yml", Err: os.ErrPermission}
	p := unreadable(err)
	p.File = "x.yml"
	const want = "x.yml: got permission denied, want a readable vipctl.yml (the user who runs vipctl, usually postgres, must be able to read it)"
	if got := p.Error(); got != want || !errors.Is(p, fs.ErrPermission) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
