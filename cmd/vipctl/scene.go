package main

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
)

// How long what surrounds vipctl may take to look at, in all and for one question to Patroni: a dead network file system, or
// a process that hangs in the kernel, must not keep people waiting.
const (
	sceneTime    = 1500 * time.Millisecond
	questionTime = 500 * time.Millisecond
)

// scene is what surrounds vipctl on this host, as the looks at it need it.
type scene struct {
	ctx    context.Context
	h      *host
	self   string // the file of this program
	setcap string // the command that gives it its capabilities
	file   fileCapabilities

	sights      []reconcile.Sight // of each VIP
	patroni     process           // the one that runs here by our patroni.yml; zero where none was found
	callbacksBy credentials       // what callbacks have: Patroni's, or else its user's
}

// findScene looks at what surrounds vipctl: the callbacks that Patroni runs, the powers they have, the timer, who listens at
// the VIPs, other movers of addresses.
func (a *app) findScene(found *reconcile.Findings, h *host) {
	ctx, cancel := context.WithTimeout(a.ctx, sceneTime)
	defer cancel()
	s := &scene{ctx: ctx, h: h}
	for _, v := range h.engine.VIPs { // out here, since others use the VIP's address after us
		sight, _ := v.Address.Look()
		s.sights = append(s.sights, sight)
	}
	looks := make(chan reconcile.Findings)
	if h.looking.TryLock() { // else status --watch has left one behind that still hangs
		go func() {
			defer h.looking.Unlock()
			s.look(looks)
		}()
	}
	collect(ctx, found, looks)
}

// collect takes what the looks find. One that hangs is left behind, and said.
func collect(ctx context.Context, found *reconcile.Findings, looks <-chan reconcile.Findings) {
	for {
		select {
		case f, more := <-looks:
			if !more {
				return
			}
			*found = append(*found, f...)
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				found.Add(reconcile.Warning, "what surrounds vipctl could not be looked at within %v: a file system or a process hangs", sceneTime)
			}
			return
		}
	}
}

// look hands over what each look finds.
func (s *scene) look(looks chan<- reconcile.Findings) {
	defer close(looks)
	s.prepare()
	for _, look := range []func(*reconcile.Findings, *scene){
		findCallbacks, findPowers, findTwice, findTicks, findFailures, findListener, findMovers,
	} {
		var found reconcile.Findings
		look(&found, s)
		select {
		case looks <- found:
		case <-s.ctx.Done():
			return
		}
	}
}

// prepare finds the program, and who runs the callbacks: Patroni, whom the owner of PostgreSQL's data directory is where
// none is found.
func (s *scene) prepare() {
	s.setcap, s.self = setcapLine()
	s.file = capabilitiesOf(s.self)
	var known bool
	if s.patroni, s.callbacksBy, known = findPatroni(s.h); known {
		return
	}
	var data unix.Stat_t
	if unix.Stat(s.h.patroni.DataDir(), &data) == nil {
		s.callbacksBy = usersCredentials(data.Uid, data.Gid)
		return
	}
	s.callbacksBy = usersCredentials(uint32(os.Geteuid()), uint32(os.Getegid()))
}

// callbacksUser reports whether this process runs as the callbacks' user.
func (s *scene) callbacksUser() bool { return s.callbacksBy.uid == uint32(os.Geteuid()) }

// question is the context of one question to Patroni.
func (s *scene) question() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, questionTime)
}

// findTwice finds keys that stand more than once in patroni.yml.
func findTwice(found *reconcile.Findings, s *scene) {
	*found = append(*found, conf.FindTwice(patroniSource(s.h.config))...)
}
