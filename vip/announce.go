package vip

import (
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// announcePatience is how long an announcement waits for its turn, where a link has had more frames
// than it may. An announcement that would have to wait longer is an error, and the next tick's.
const announcePatience = time.Second

// announcer tells the neighbours on a link that the address is here.
type announcer struct {
	addr   netip.Addr
	link   *netlink.LinkAttrs
	budget *Budget
	clock  func() policy.Moment
}

// announce sends the announcement's frames. Once the first form is out, the second is not waited
// for.
func (a announcer) announce() error {
	frames, err := announcement(a.addr, a.link.HardwareAddr)
	if err != nil {
		return err
	}
	socket, err := openSocket(a.link, a.addr, nil)
	if err != nil {
		return err
	}
	defer socket.close()
	for i, f := range frames {
		if i > 0 {
			if ok, _ := a.budget.take(a.link.Index, keepForAgain); !ok {
				return nil
			}
		} else if err := a.turn(); err != nil {
			return err
		}
		if err := socket.send(f); err != nil {
			return err
		}
	}
	return nil
}

// turn waits until the link may be sent the first frame of an announcement.
func (a announcer) turn() error {
	for end := a.clock().Add(announcePatience); ; {
		ok, after := a.budget.take(a.link.Index, keepNone)
		switch {
		case ok:
			return nil
		case a.clock().Add(after).After(end):
			return reconcile.ErrUnasked
		}
		<-time.After(after)
	}
}
