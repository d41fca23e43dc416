package hetzner

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// sayable complains of a text for people that is not one printable line.
func sayable(t *testing.T, what, text string) {
	t.Helper()
	if reconcile.Printable(text) != text {
		t.Errorf("%s: %q", what, text)
	}
}

// FuzzDecode: whatever an answer's body is, what is taken from it has ids that can be asked for, and
// an end.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		`{"floating_ips":[{"id":7,"name":"pg-vip","ip":"203.0.113.5","type":"ipv4","server":42}],"meta":{"pagination":{"next_page":2}}}`,
		`{"action":{"id":1000,"command":"assign_floating_ip","status":"error","error":{"code":"action_failed","message":"m"}}}`,
		`{"network":{"id":4711,"name":"pg-net","subnets":[{"ip_range":"10.0.1.0/24"}]},"networks":[{"id":4711},{"id":0}]}`,
		`{"error":{"status":403,"code":"RATE_LIMIT_EXCEEDED","message":"m","max_request":50,"interval":3600}}`,
		`{"error":{"code":"x\u001b[2J\u202e","interval":-9223372036854775808}}`, `{"action":{"id":-1,"status":"running"}}`, "null", "[]", "",
	} {
		f.Add([]byte(body))
	}
	clean := censor("a secret of the API")
	f.Fuzz(func(t *testing.T, body []byte) {
		if a, err := decodeAction(body); err == nil {
			if a.ID <= 0 || !slices.Contains([]string{"running", "success", "error"}, a.Status) {
				t.Errorf("%+v", a)
			}
			if err := a.ended(clean); err != nil {
				sayable(t, "action", err.Error())
			}
		}
		for _, one := range []bool{true, false} {
			found, err := decodeNetworks(body, one)
			if err == nil && slices.ContainsFunc(found, func(n network) bool { return n.ID <= 0 }) || one && err == nil && len(found) != 1 {
				t.Errorf("%+v", found)
			}
		}
		if found, err := decodeFloatingIPs(body); err == nil && slices.ContainsFunc(found, func(f floatingIP) bool { return f.ID <= 0 }) {
			t.Errorf("%+v", found)
		}
		_, _ = nextPage(body) // pages ends where it does not grow
		if said := parseFault(body); said.retryIn < 0 || said.retryIn > maxWait {
			t.Errorf("%+v", said)
		}
	})
}

// FuzzHeaders: no header makes us wait for long, or counts calls below zero.
func FuzzHeaders(f *testing.F) {
	f.Add("3600", "3599", "7")
	f.Add("-1", "99999999999999999999", "Fri, 27 Nov 2026 00:00:00 GMT")
	f.Fuzz(func(t *testing.T, limit, left, after string) {
		h := http.Header{"Ratelimit-Limit": {limit}, "Ratelimit-Remaining": {left}, "Retry-After": {after}}
		var c Cloud
		c.note(h)
		if q := c.Quota(); q != nil && (q.Limit < 0 || q.Remaining < 0) {
			t.Errorf("%+v", q)
		}
		if d := retryAfter(h); d <= 0 || d > 5*time.Second {
			t.Errorf("%q: wait for %v", after, d)
		}
	})
}

// FuzzCovers: a failover IP and a floating IP cover their own address, and no other but those of
// their network.
func FuzzCovers(f *testing.F) {
	f.Add("198.51.100.7", "255.255.255.255", "198.51.100.7")
	f.Add("2001:db8::", "ffff:ffff:ffff:ffff::", "2001:db8::10")
	f.Add("2001:db8::/64", "", "2001:db8::10")
	f.Add("::ffff:198.51.100.7", "255.255.255.0", "198.51.100.8")
	f.Fuzz(func(t *testing.T, ip, mask, vip string) {
		addr, err := netip.ParseAddr(vip)
		if err != nil || addr.Zone() != "" {
			return
		}
		addr = addr.Unmap()
		own, err := netip.ParseAddr(ip)
		own = own.Unmap()
		failover, floating := failoverIP{IP: ip, Netmask: mask}, floatingIP{ID: 1, IP: ip}
		if err == nil && own.Zone() == "" && !(failover.covers(own) && floating.covers(own)) {
			t.Errorf("%s with the mask %q does not cover itself", ip, mask)
		}
		if failover.covers(addr) && (err != nil || own.BitLen() != addr.BitLen()) {
			t.Errorf("failover IP %q with the mask %q covers %s", ip, mask, addr)
		}
		net, notNet := netip.ParsePrefix(ip)
		if floating.covers(addr) && own != addr && (notNet != nil || net.Masked() != netip.PrefixFrom(addr, net.Bits()).Masked()) {
			t.Errorf("floating IP %q covers %s", ip, addr)
		}
	})
}

// FuzzCensor: what an API says is one short printable line when it is shown, and never has the
// secret in it.
func FuzzCensor(f *testing.F) {
	f.Add("the token ", "0123456789abcdef0123456789abcdef", " is\x1b[2J unknown")
	f.Add("\u202e", "aaaaaaaaaaaaa", "aaaaaaaaaaaaaa\xff")
	secrets := regexp.MustCompile(`^[A-Za-z0-9]{12,64}$`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		if !secrets.MatchString(secret) {
			return
		}
		clean := censor(secret)
		for _, text := range []string{before, before + secret + after, secret + before + secret} {
			got := clean(text)
			if strings.Contains(got, secret) || len(got) > 303 {
				t.Errorf("%q became %q", text, got)
			}
			sayable(t, "cleaned", got)
		}
	})
}

// FuzzSecret: a secret that is taken can stand in a header, and no error has any of it.
func FuzzSecret(f *testing.F) {
	for _, text := range []string{"0123456789abcdef\n", "  two words", "a\u00a0b", "", "\xff", strings.Repeat("x", maxSecret+1), "#ws+A\u202e"} {
		f.Add(text)
	}
	refused := regexp.MustCompile(`^/file: (empty|longer than 4096 bytes, which no secret is|byte \d+ is white space or no printable character; one secret and nothing else belongs there)$`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := parseSecret("/file", text, "1")
		if err != nil {
			if !refused.MatchString(err.Error()) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		value := s.reveal()
		if value == "" || len(value) > maxSecret || strings.TrimSpace(value) != value || !strings.Contains(text, value) {
			t.Errorf("%q: %q", text, value)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }) {
			t.Errorf("%q is no header's value", value)
		}
	})
}

// FuzzMetadata: what a metadata service says is a list of networks, and an id above 0.
func FuzzMetadata(f *testing.F) {
	f.Add("- ip: 10.0.1.2\n  alias_ips: []\n  interface_num: 1\n  network_id: 4711\n  network_name: pg-net\n  network: 10.0.0.0/16\n  subnet: \"10.0.1.0/24\"\n")
	f.Add("42\n")
	f.Add("network:'fe80::/64'\n- subnet: 1\n-9223372036854775809")
	f.Fuzz(func(t *testing.T, text string) {
		found := parseNetworks(text)
		if len(found) > strings.Count(text, "net") || slices.ContainsFunc(found, func(p netip.Prefix) bool { return !p.IsValid() }) {
			t.Errorf("%q: %v", text, found)
		}
		if id, err := parseInstanceID(text); err == nil && id <= 0 {
			t.Errorf("%q: %d", text, id)
		} else if err != nil {
			sayable(t, "error", err.Error())
		}
	})
}

// TestMetadataBeyondTheLimit: a list that is not read to its end would have another network in it.
func TestMetadataBeyondTheLimit(t *testing.T) {
	const cut = "network: 10.0.0.0/1"
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(" ", maxMetadata-len(cut))+cut+"6\n")
	}))
	defer service.Close()
	found, err := NewMetadata(Access{Endpoint: service.URL}).PrivateNetworks(t.Context())
	if err == nil || !strings.Contains(err.Error(), "longer than 64 KiB") {
		t.Errorf("%v, %v", found, err)
	}
}

// FuzzMemo: whatever memo an earlier process left, the next one keeps it, asks the API again within
// an hour, and drops the ids of another configuration.
func FuzzMemo(f *testing.F) {
	a := Access{Now: func() policy.Moment { return policy.SinceBoot(time.Hour) }}
	config := newLedger(a, cloudPace(), "floating").config
	for _, text := range []string{
		`{"config":"` + config + `","target":7,"server":41,"switch":{"since":1,"action":1000},"ours":true,"took":1500000000}`,
		`{"config":"` + config + `","wait":{"until":9223372036854775807,"why":"x"},"switch":{"since":-9223372036854775808,"locks":3}}`,
		`{"config":"another","target":7,"login":{"until":3700000000000,"why":"the login was refused","for":"1-2"},"switch":{"since":1,"action":7}}`,
		`{}`, `null`, `[]`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLedger(a, cloudPace(), "floating")
		err := l.Recall(data, nil)
		if err != nil {
			sayable(t, "error", err.Error())
			if l.memo != (memo{Config: config}) {
				t.Errorf("beside %v: %+v", err, l.memo)
			}
		}
		if l.memo.Config != config {
			t.Errorf("of %q", l.memo.Config)
		}
		if !bytes.Contains(data, []byte(config)) && (l.memo.Target != 0 || l.memo.Server != 0 || l.memo.Ours) {
			t.Errorf("ids of another configuration: %+v", l.memo)
		}
		again := newLedger(a, cloudPace(), "floating")
		if err := again.Recall(l.Memo(), nil); err != nil || !bytes.Equal(again.Memo(), l.Memo()) {
			t.Errorf("%v\nkept %s\nread %s", err, l.Memo(), again.Memo())
		}
		for _, s := range []reconcile.RouteState{{Ours: true}, {Moving: true}, {}} {
			for _, failed := range []error{nil, errConfig, &actionError{}} {
				if due := l.due(s, failed); due.Before(a.Now()) || due.After(a.Now().Add(maxWait)) {
					t.Errorf("%+v, %v: due at %v with %s", s, failed, due, l.Memo())
				}
			}
		}
		_ = l.barred("look")
		l.Details()
	})
}
