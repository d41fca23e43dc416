package main

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
)

// sceneTime is how long everything around vipctl may take to look at: a dead network file system, or a process that hangs
// in the kernel, must not keep people waiting.
const sceneTime = 1500 * time.Millisecond

// scene is what surrounds vipctl on this host, and what the looks at it share.
type scene struct {
	ctx    context.Context
	h      *host
	self   string // the file of this program
	setcap string // the command that gives it its capabilities

	sights      []reconcile.Sight // of each VIP
	patroni     process           // that runs here; with no name where none was found
	callbacksBy credentials       // what callbacks have: Patroni's, or else those of its user
}

// findScene looks at what surrounds vipctl: the callbacks that Patroni runs, its powers, PostgreSQL, the timer, other movers
// of addresses. The looks go on side by side. One that takes too long is left behind, and said.
func (a *app) findScene(found *reconcile.Findings, h *host) {
	ctx, cancel := context.WithTimeout(a.ctx, sceneTime)
	defer cancel()
	s := &scene{ctx: ctx, h: h}
	for _, v := range h.engine.VIPs { // not side by side: a Kernel is not made for that
		sight, _ := v.Address.Look()
		s.sights = append(s.sights, sight)
	}
	looks := []struct {
		at  string
		for_ func(*reconcile.Findings, *scene)
	}{}
	_ = looks
	_ = os.Geteuid
	_ = unix.Getpid
}
