package lab

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Held says that from a moment on a node had the VIP on its link, or no longer had it.
type Held struct {
	At   time.Time
	Node string
	Has  bool
}

// watch writes down who has the VIP, as the nodes' kernels tell it: every change, an expired lifetime included.
type watch struct {
	vip    net.IP
	mu     sync.Mutex
	log    []Held
	has    map[string]map[string]bool // by node, the copies of the VIP: one for each link and prefix
	frames []Frame
	lock   map[int64]LockChange // by etcd's revision
	stop   chan struct{}
}

func (l *Lab) startWatch() error {
	l.watch = &watch{vip: net.ParseIP(l.VIP), has: make(map[string]map[string]bool), lock: make(map[int64]LockChange), stop: make(chan struct{})}
	for _, n := range l.Nodes { // all of them before anything is written down
		l.watch.has[n.Name] = make(map[string]bool)
	}
	for _, n := range l.Nodes {
		changes := make(chan netlink.AddrUpdate, 64)
		err := netlink.AddrSubscribeWithOptions(changes, l.watch.stop, netlink.AddrSubscribeOptions{Namespace: &n.NS.handle, ListExisting: true})
		if err != nil {
			return fmt.Errorf("watch the addresses of %s: %w", n.Name, err)
		}
		go l.watch.follow(n.Name, changes)
	}
	return l.listen()
}

func (w *watch) follow(node string, changes <-chan netlink.AddrUpdate) {
	for c := range changes {
		if c.LinkAddress.IP.Equal(w.vip) {
			w.note(node, fmt.Sprint(c.LinkIndex, c.LinkAddress.Mask), c.NewAddr, time.Now())
		}
	}
}

func (w *watch) note(node, address string, here bool, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	copies := w.has[node]
	before := len(copies) > 0
	if here {
		copies[address] = true
	} else {
		delete(copies, address)
	}
	if now := len(copies) > 0; now != before {
		w.log = append(w.log, Held{At: at, Node: node, Has: now})
	}
}

// Timeline returns every change of who has the VIP since the lab is up.
func (l *Lab) Timeline() []Held {
	l.watch.mu.Lock()
	defer l.watch.mu.Unlock()
	return slices.Clone(l.watch.log)
}

// Frames returns every ARP frame about the VIP that the client has received.
func (l *Lab) Frames() []Frame {
	l.watch.mu.Lock()
	defer l.watch.mu.Unlock()
	return slices.Clone(l.watch.frames)
}

// Holders asks every node's kernel and returns the names of those that have the VIP on a link now.
func (l *Lab) Holders() ([]string, error) {
	var holders []string
	for _, n := range l.Nodes {
		held, err := n.holds()
		if err != nil {
			return nil, err
		}
		if held {
			holders = append(holders, n.Name)
		}
	}
	return holders, nil
}

func (n *Node) holds() (bool, error) { return n.holdsOn("") }

// holdsOn asks for one link, or with "" for all.
func (n *Node) holdsOn(name string) (held bool, err error) {
	err = n.NS.Do(func() error {
		var link netlink.Link
		if name != "" {
			if link, err = netlink.LinkByName(name); err != nil {
				return err
			}
		}
		addrs, err := netlink.AddrList(link, unix.AF_INET)
		held = slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return a.IP.Equal(net.ParseIP(n.lab.VIP)) })
		return err
	})
	return held, err
}

// AddVIP puts the VIP on the node's link behind everybody's back, for good.
func (n *Node) AddVIP() error { return n.changeVIP("eth0", true) }

// CopyVIP puts a copy of the VIP on the node's lo, for good, or takes it away.
func (n *Node) CopyVIP(on bool) error { return n.changeVIP("lo", on) }

// HasVIP asks the node's kernel whether the VIP is on the link where it belongs, wherever there are copies of it.
func (n *Node) HasVIP() (bool, error) { return n.holdsOn("eth0") }

func (n *Node) changeVIP(name string, add bool) error {
	return n.NS.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		addr := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(n.lab.VIP), Mask: net.CIDRMask(32, 32)}}
		if add {
			return netlink.AddrAdd(link, addr)
		}
		return netlink.AddrDel(link, addr)
	})
}
