package state

import (
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

func TestFramesAreSharedAndKept(t *testing.T) {
	s := openStore(t)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for {
				err := s.Frames().Update(2, func(paid policy.Moment) policy.Moment { return paid.Add(time.Second) })
				if !errors.Is(err, reconcile.ErrBusy) { // its patience is short
					check(t, err)
					return
				}
			}
		})
	}
	all.Wait()
	paid := func(link int) (got policy.Moment) {
		check(t, s.Frames().Update(link, func(was policy.Moment) policy.Moment { got = was; return was }))
		return got
	}
	equal(t, "paid", paid(2), policy.SinceBoot(20*time.Second))
	equal(t, "another link's", paid(3), policy.Moment{})
	s.files.boot = "another"
	equal(t, "of another boot", paid(2), policy.Moment{})
}

func TestFramesThatAreDamagedBeginAnew(t *testing.T) {
	s := openStore(t)
	check(t, s.files.Make())
	check(t, os.WriteFile(s.files.File("frames@2.json"), []byte("{"), 0o600))
	called := false
	if err := s.Frames().Update(2, func(was policy.Moment) policy.Moment { called = was.IsZero(); return policy.SinceBoot(time.Hour) }); err == nil || !called {
		t.Errorf("error %v, called %v", err, called)
	}
	check(t, s.Frames().Update(2, func(was policy.Moment) policy.Moment { equal(t, "paid", was, policy.SinceBoot(time.Hour)); return was }))
}

func TestFramesWhereThereIsNoFolder(t *testing.T) {
	s := OpenStore(StoreOptions{Dir: "/proc/nowhere", Now: func() policy.Moment { return policy.Moment{} }})
	if err := s.Frames().Update(2, func(was policy.Moment) policy.Moment { return was }); err == nil {
		t.Error("no error")
	}
}
