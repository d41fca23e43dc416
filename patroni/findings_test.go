package patroni

import (
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// date is how people are told one.
var date = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`)

// TestFindings: what people are told of certificates, of the local Patroni's answer, and 30 days
// ahead.
func TestFindings(t *testing.T) {
	long := ca(t, nil, spec(-days, 999*days), "ours")
	file := caFile(t, long)
	client, err := long.Issue(spec(-99*days, 9*days+hour))
	if err != nil {
		t.Fatal(err)
	}
	certFile := write(t, "both.pem", string(client.Cert)+string(client.Key))
	common := spec(-days, 99*days)
	common.CommonName = "node1.example"
	for name, c := range map[string]struct {
		server tls.Certificate
		extra  string
		want   []string
	}{
		"good":            {issued(t, long, spec(-days, 31*days, "node1.example")), known(file), nil},
		"a month ahead":   {issued(t, long, spec(-99*days, 29*days+hour, "node1.example")), known(file), []string{"warning https://ADDR: the certificate of the REST API expires at DATE, in 29 days; then vipctl believes it"}},
		"a short life":    {issued(t, long, spec(-4*hour, 20*hour, "node1.example")), known(file), nil},
		"its last third":  {issued(t, long, spec(-20*hour, 4*hour, "node1.example")), known(file), []string{"warning https://ADDR: the certificate of the REST API expires at DATE, in 0 days"}},
		"expired":         {issued(t, long, spec(-9*days, -days, "node1.example")), known(file), []string{"problem https://ADDR: the certificate of the REST API expired at DATE (this host's clock says DATE); vipctl believes it all the same, patronictl and the other members do not: renew the file of restapi.certfile"}},
		"another name":    {issued(t, long, spec(-days, 99*days, "node2.example")), known(file), []string{"problem https://ADDR: the certificate of the REST API is for node2.example and not for node1.example"}},
		"common name":     {issued(t, long, common), known(file), []string{"warning https://ADDR: the certificate of the REST API has its name, node1.example, as common name alone"}},
		"our own":         {issued(t, long, spec(-days, 99*days, "node1.example")), known(file) + "ctl: {certfile: " + certFile + "}\n", []string{"warning FILE:8: ctl.certfile: the client certificate " + certFile + " expires at DATE, in 9 days; then a Patroni with restapi.verify_client"}},
		"the CA's, alone": {issued(t, long, spec(-days, 99*days, "node1.example")), known(file) + "ctl: {cacert: " + caFile(t, ca(t, nil, spec(-9*days, -days), "old")) + "}\n", []string{"problem https://ADDR (from restapi.listen or patroni.url): what answers there is not this member's Patroni, and counts as silence: its certificate is from no CA in ", "problem FILE:8: ctl.cacert: the CA certificate \"old\" in /"}},
		"insecure":        {issued(t, long, spec(-9*days, -days, "node2.example")), known(file) + "ctl: {insecure: true}\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			addr := tlsPatroni(t, c.server, nil)
			client := ask(t, addr, c.extra)
			client.Reply(t.Context())
			found := client.Findings(t.Context())
			if len(found) != len(c.want) {
				t.Fatalf("%q", found)
			}
			for i, f := range found {
				got := date.ReplaceAllString(string(f.Level)+" "+strings.NewReplacer(addr, "ADDR", client.opts.Config, "FILE").Replace(f.Text), "DATE")
				if !strings.HasPrefix(got, c.want[i]) {
					t.Errorf("got  %s\nwant %s", got, c.want[i])
				}
			}
		})
	}
}

// TestFindingsOfAnAnswer: what is not ours is a problem, in words; that nobody answers is for
// others to say.
func TestFindingsOfAnAnswer(t *testing.T) {
	good := newAuthority(t, "ours")
	server, _, _ := good.issue(time.Now().Add(hour), "node1.example")
	// As Python's, it drops whoever speaks no TLS, without a word.
	python := serve(t, func(c net.Conn, _ int) {
		_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{server}}).HandshakeContext(t.Context())
	})
	stranger := patroniSaying(t, map[string]said{"/leader": {status: http.StatusOK, body: leaderBody("other", "n1")}})
	for name, c := range map[string]struct {
		addr, extra, want string
	}{
		"nobody":         {refusing(t), "", ""},
		"a stranger":     {stranger.addr, "", `http://` + stranger.addr + ` (from restapi.listen or patroni.url): what answers there is not this member's Patroni, and counts as silence: scope is "other", patroni.yml says "demo"`},
		"HTTPS, unasked": {python.addr, "", "http://" + python.addr + ": it speaks HTTPS, and is asked in plain HTTP: restapi.certfile is not in patroni.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			client := ask(t, c.addr, c.extra)
			if found := client.Findings(t.Context()); found != nil {
				t.Errorf("before any question: %q", found)
			}
			client.Reply(t.Context())
			found := client.Findings(t.Context())
			if c.want == "" && found == nil {
				return
			}
			if len(found) != 1 || found[0].Level != reconcile.Problem || !strings.HasPrefix(found[0].Text, c.want) {
				t.Errorf("%q", found)
			}
		})
	}
	unread := ask(t, filepath.Join(t.TempDir(), "x"), "")
	unread.Reply(t.Context())
	if found := unread.Findings(t.Context()); found != nil {
		t.Errorf("of a patroni.yml that cannot be used: %q", found)
	}
}
