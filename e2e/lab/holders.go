package lab

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
)

// Holders says who has the VIP, as the nodes' kernels tell it. It writes down every change, an
// expired lifetime included. Its methods may be called concurrently.
type Holders struct {
	vip   string
	hosts []*Host

	mu      sync.Mutex
	changes []Held
	copies  map[string]map[string]bool // of the VIP, by node: one for each link and prefix
}

// watchHolders begins to write down who has the VIP, until stop is closed.
func watchHolders(vip string, hosts []*Host, stop <-chan struct{}) (*Holders, error) {
	w := &Holders{vip: vip, hosts: hosts, copies: make(map[string]map[string]bool)}
	for _, h := range hosts { // all of them before anything is written down
		w.copies[h.Name] = make(map[string]bool)
	}
	for _, h := range hosts {
		changes := make(chan netlink.AddrUpdate, 64)
		err := netlink.AddrSubscribeWithOptions(changes, stop, netlink.AddrSubscribeOptions{Namespace: &h.NS.handle, ListExisting: true})
		if err != nil {
			return nil, fmt.Errorf("watch the addresses of %s: %w", h.Name, err)
		}
		go w.follow(h.Name, changes)
	}
	return w, nil
}

func (w *Holders) follow(node string, changes <-chan netlink.AddrUpdate) {
	vip := net.ParseIP(w.vip)
	for c := range changes {
		if c.LinkAddress.IP.Equal(vip) {
			w.record(node, fmt.Sprint(c.LinkIndex, c.LinkAddress.Mask), c.NewAddr, time.Now())
		}
	}
}

func (w *Holders) record(node, address string, here bool, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	copies := w.copies[node]
	before := len(copies) > 0
	if here {
		copies[address] = true
	} else {
		delete(copies, address)
	}
	if now := len(copies) > 0; now != before {
		w.changes = append(w.changes, Held{At: at, Node: node, Has: now})
	}
}

// Changes returns every change of who has the VIP since the lab is up.
func (w *Holders) Changes() []Held {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.changes)
}

// Now asks every node's kernel and returns the names of those that have the VIP on any link.
func (w *Holders) Now() ([]string, error) {
	var holders []string
	for _, h := range w.hosts {
		has, err := hasAddress(h.NS, "", w.vip)
		if err != nil {
			return nil, err
		}
		if has {
			holders = append(holders, h.Name)
		}
	}
	return holders, nil
}
