package surroundings

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

// FuzzMentions: another program's configuration mentions an address that stands in it, whatever is
// around it and however the address is written, and an address that is mentioned has its last part
// in the text.
func FuzzMentions(f *testing.F) {
	f.Add("virtual_ipaddress {\n    192.0.2.10/24 dev eth0 # ", []byte{192, 0, 2, 10})
	f.Add("ip: \"2001:db8::10\"\ninterface: eth0\n", netip.MustParseAddr("2001:db8::10").AsSlice())
	f.Add("1192.0.2.10 a192.0.2.10 ::ffff:192.0.2.10 192.0.2.10. :192.0.2.10:", []byte{192, 0, 2, 10})
	f.Fuzz(func(t *testing.T, text string, vip []byte) {
		a, ok := netip.AddrFromSlice(vip)
		if !ok || a.Is4In6() {
			return
		}
		for _, written := range []string{a.String(), a.StringExpanded(), strings.ToUpper(a.String()), "[" + a.String() + "]:5432", a.String() + "/24", "--addr=" + a.String()} {
			if !mentions(text+" "+written+"\n"+text, a) {
				t.Errorf("%q does not mention %s", written, a)
			}
		}
		digits := func(r rune) bool { return unicode.Is(unicode.ASCII_Hex_Digit, r) || r == ':' }
		if mentions(text, a) && !strings.ContainsFunc(text, digits) {
			t.Errorf("%q mentions %s", text, a)
		}
	})
}

// FuzzArguments: the arguments of another process are those that it was given, and the value of a
// flag is in them.
func FuzzArguments(f *testing.F) {
	f.Add("keepalived\x00-f\x00/etc/keepalived.conf\x00--use-file=/x")
	f.Add("vip-manager\x00--config=/a b\x00-config")
	f.Add("python3\x00-m\x00patroni\x00/etc/patroni.yml\x00\x00")
	f.Fuzz(func(t *testing.T, line string) {
		args := parseArguments([]byte(line + "\x00"))
		if !slices.Equal(args, strings.Split(line, "\x00")) {
			t.Errorf("%q: %q", line, args)
		}
		if value := flagOf(args, "-f", "--use-file", "--config"); !strings.Contains(line, value) {
			t.Errorf("%q: the flag is %q", line, value)
		}
		if runsPatroni(args) && !strings.Contains(line, "patroni") {
			t.Errorf("%q is Patroni's", line)
		}
	})
}

// FuzzJudge: what is said of a callback's command is one printable line, and only vipctl callback
// has nothing wrong with it.
func FuzzJudge(f *testing.F) {
	f.Add("/usr/bin/vipctl\x00callback")
	f.Add("/usr/bin/vipctl\x00--config\x00/nowhere/\x1b[2J\x00callback")
	f.Add("sudo\x00vipctl\x00callback")
	f.Add("vipctl\n\x00call\nback")
	f.Add("/proc/self/exe\x00-c=\xff\x00callback\x00x")
	s := &inspection{
		Host: &Host{}, program: trust.ThisProgram(), callbacksBy: trust.UserCredentials(uint32(os.Geteuid()), uint32(os.Getegid())),
	}
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\x00")
		found := judgeAll(s, []conf.Command{{Event: "on_start", Words: words, Where: "patroni.yml:1"}, {Event: "on_stop", Words: words, Where: "patroni.yml:2"}})
		if len(found) > 1 || len(found) == 0 && !strings.Contains(line, "callback") {
			t.Errorf("%q: %q", line, found)
		}
		for _, f := range found {
			if !utf8.ValidString(f.Text) || strings.ContainsFunc(f.Text, func(r rune) bool { return !unicode.IsPrint(r) }) || f.Level == reconcile.OK {
				t.Errorf("%q: %q", line, f)
			}
		}
	})
}
