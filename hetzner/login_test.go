package hetzner_test

import (
	"encoding/json"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile/routetest"
)

// TestBadLogins: however many VIPs and processes there are, the host's address is never blocked.
func TestBadLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		addresses := []string{failoverIP, "198.51.100.8", "198.51.100.9", "198.51.100.10"}
		for _, a := range addresses[1:] {
			l.AddFailover(a, "255.255.255.255", rivalMain, ourMain)
		}
		memos := make([]json.RawMessage, len(addresses))
		for range 200 { // an hour of ticks, if each found something to do
			robot, err := hetzner.NewRobot(l.access(ourID, "http://"+robotHost), hetznertest.User, hetzner.NewSecret("wrong"))
			if err != nil {
				t.Fatal(err)
			}
			var all sync.WaitGroup
			for i, a := range addresses {
				r, err := hetzner.NewFailover(robot, hetzner.FailoverOptions{Address: netip.MustParseAddr(a), Server: netip.MustParseAddr(ourMain)})
				if err != nil {
					t.Fatal(err)
				}
				recall(t, r, memos[i])
				all.Go(func() {
					if _, err := r.Take(t.Context(), routetest.Now(), leads); err == nil {
						t.Error("let in")
					}
					memos[i] = r.Memo()
				})
			}
			all.Wait()
			time.Sleep(20 * time.Second)
		}
		if l.Blocked() {
			t.Error("the host's address was blocked")
		}
		if n := len(l.Calls()); n < 3 || n > 6 {
			t.Errorf("%d logins in an hour", n)
		}
	})
}

// TestNewPassword: only the old password is blocked.
func TestNewPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		dir := t.TempDir()
		wrong := secretFile(t, dir, "wrong", 0o600)
		right := secretFile(t, dir, hetznertest.Password, 0o600)
		r := failoverWith(t, l, wrong)
		s, err := r.Take(t.Context(), routetest.Now(), leads)
		if err == nil {
			t.Fatal("let in")
		}
		m := r.Memo()
		if r.Details().Login == nil || s.Due.Before(fromNow(14*time.Minute)) {
			t.Errorf("memo %s, due in %v", m, s.Due.Sub(routetest.Now()))
		}
		r = failoverWith(t, l, right)
		recall(t, r, m)
		if r.Details().Login == nil {
			t.Error("the old password's refusal is forgotten before anybody reads the new one")
		}
		if _, err := r.Take(t.Context(), routetest.Now(), leads); err != nil {
			t.Error(err)
		}
		if d := r.Details(); d.Login != nil {
			t.Errorf("login %+v", d.Login)
		}
	})
}

func failoverWith(t *testing.T, l *lab, passwordFile string) *hetzner.Failover {
	t.Helper()
	password, err := hetzner.SecretSource{File: passwordFile}.Load()
	if err != nil {
		t.Fatal(err)
	}
	robot, err := hetzner.NewRobot(l.access(ourID, "http://"+robotHost), hetznertest.User, password)
	if err != nil {
		t.Fatal(err)
	}
	r, err := hetzner.NewFailover(robot, hetzner.FailoverOptions{Address: netip.MustParseAddr(failoverIP), Server: netip.MustParseAddr(ourMain)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
