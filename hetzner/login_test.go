package hetzner_test

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile"
)

// TestBadLogins: however many VIPs and processes there are, the host's address is never blocked.
func TestBadLogins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		addresses := []string{failoverIP, "198.51.100.8", "198.51.100.9", "198.51.100.10"}
		for _, a := range addresses[1:] {
			l.AddFailover(a, "255.255.255.255", rivalMain, ourMain)
		}
		memos := make([]reconcile.RouteMemo, len(addresses))
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
				r.Recall(memos[i], nil)
				all.Go(func() {
					if _, err := r.Take(t.Context(), leads); err == nil {
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
		if _, err := r.Take(t.Context(), leads); err == nil {
			t.Fatal("let in")
		}
		m := r.Memo()
		if m.Login == nil || m.Due < fromNow(14*time.Minute) {
			t.Errorf("memo %+v", m)
		}
		r = failoverWith(t, l, right)
		r.Recall(m, nil)
		if _, err := r.Take(t.Context(), leads); err != nil {
			t.Error(err)
		}
		if m := r.Memo(); m.Login != nil {
			t.Errorf("memo %+v", m.Login)
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
