package vip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// errOwn is what Hold and Release fail with where the address is this host's own. Whoever takes
// that away, or gives it an end, takes the host off the network.
var errOwn = errors.New("this host's own address, as it seems")

// ownership tells a VIP from an address that is this host's own. A VIP is marked as deprecated, or
// the VIP's note has it, or it is what others leave of one: an address beside the host's own in
// their subnet, or a /32.
type ownership struct {
	survey
	noted func() bool // see [Options]
}

// refuse is an error where a copy on the link is this host's own address.
func (o ownership) refuse() error {
	for _, c := range o.here {
		if why := o.reason(c); why != "" {
			return fmt.Errorf("%s is %w (%s; no note says that vipctl claimed it): "+
				"give another address in vipctl.yml, or where another mover of the VIP left it, run: ip address del %s dev %s",
				asArguments(c), errOwn, why, asArguments(c), o.link.Name)
		}
	}
	return nil
}

// reason says why a copy must be this host's own address; "" where it is a VIP.
func (o ownership) reason(c netlink.Addr) (why string) {
	if marked(c) {
		return ""
	}
	subnet := netip.PrefixFrom(o.addr(), bits(c)).Masked()
	switch {
	case bits(c) == o.addr().BitLen():
		why = o.hostRoute()
	case o.addr().Is4() && c.Flags&unix.IFA_F_SECONDARY == 0:
		why = fmt.Sprintf("the primary address of %s", subnet)
	case o.addr().Is6() && (!endless(c) || !o.shares(subnet)):
		why = fmt.Sprintf("the address that brings %s to the link", subnet)
	}
	if why != "" && o.noted() {
		return ""
	}
	return why
}

// hostRoute says why a /32 or /128 must be this host's own address: the host reaches others by it.
func (o ownership) hostRoute() string {
	for _, r := range o.routes() {
		switch {
		case !isDefault(r.Dst):
		case r.Src.Equal(o.addr().AsSlice()):
			return "the source of a default route"
		case !o.shares(netip.PrefixFrom(o.addr(), 0).Masked()):
			return "the only address of a link with a default route"
		}
	}
	return ""
}

// asArguments is a copy as `ip address del` wants it.
func asArguments(c netlink.Addr) string {
	own := net.IPNet{IP: c.IP, Mask: net.CIDRMask(bits(c), len(c.Mask)*8)}
	if c.Peer == nil {
		return own.String()
	}
	return fmt.Sprintf("%s peer %s", c.IP, c.Peer)
}
