package vip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// noLink is a link that is not there, by the name that the options gave. It is [os.ErrNotExist].
type noLink struct {
	name string
	port string // whose MAC it is all the same, and why it is passed over
}

func (n noLink) Error() string        { return "interface " + n.name + ": no such link" + n.port }
func (n noLink) Is(target error) bool { return target == os.ErrNotExist }

// survey is where the address is.
type survey struct {
	link       *netlink.LinkAttrs // nil where there is none
	noLink     error              // why there is none
	here       []netlink.Addr     // the copies on the link
	elsewhere  []netlink.Addr     // the copies on other links
	neighbours []netlink.Addr     // the other addresses on the link
}

func (k *Kernel) survey() (survey, error) {
	var s survey
	link, err := k.findLink()
	switch {
	case err == nil:
		s.link = link
	case errors.Is(err, os.ErrNotExist):
		s.noLink = err
	default:
		return s, err
	}
	all, err := k.addresses()
	for _, a := range all {
		onLink := s.link != nil && a.LinkIndex == s.link.Index
		switch {
		case onLink && k.isCopy(a):
			s.here = append(s.here, a)
		case onLink:
			s.neighbours = append(s.neighbours, a)
		case k.isCopy(a):
			s.elsewhere = append(s.elsewhere, a)
		}
	}
	return s, err
}

// handle is the netlink socket, opened when it is first needed.
func (k *Kernel) handle() (*netlink.Handle, error) {
	if k.netlink == nil {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return nil, fmt.Errorf("open netlink socket: %w", err)
		}
		k.netlink = h
	}
	return k.netlink, nil
}

// findLink looks the link up by its name, an alternative name or its MAC; the error of one that is not there is
// [os.ErrNotExist].
func (k *Kernel) findLink() (*netlink.LinkAttrs, error) {
	h, err := k.handle()
	if err != nil {
		return nil, err
	}
	if mac, ok := parseMAC(k.link); ok {
		links, err := undisturbed(h.LinkList)
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		return linkByMAC(links, mac)
	}
	link, err := h.LinkByName(k.link)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return nil, noLink{name: k.link}
	}
	if err != nil {
		return nil, fmt.Errorf("look up interface %s: %w", k.link, err)
	}
	return link.Attrs(), nil
}

// parseMAC reads the usual form only: a name may look like one of the others.
func parseMAC(s string) (net.HardwareAddr, bool) {
	mac, err := net.ParseMAC(s)
	return mac, err == nil && len(mac) == 6 && strings.Count(s, ":") == 5
}

// addresses is every address of the family on this host.
func (k *Kernel) addresses() ([]netlink.Addr, error) {
	all, err := undisturbed(func() ([]netlink.Addr, error) { return k.netlink.AddrList(nil, k.family()) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	return all, nil
}

// isCopy reports whether an address is the VIP's. Equality is on netip.Addr, never on text.
func (k *Kernel) isCopy(a netlink.Addr) bool {
	ip, _ := netip.AddrFromSlice(a.IP)
	return ip == k.addr()
}

// undisturbed repeats a dump that a change of what it lists has interrupted.
func undisturbed[T any](dump func() ([]T, error)) (list []T, err error) {
	for range 5 {
		if list, err = dump(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
	return list, err
}

// wanted reports whether a copy is the one that Hold puts there.
func (k *Kernel) wanted(c netlink.Addr) bool {
	return c.Peer == nil && bits(c) == k.prefix.Bits() && c.Flags&unix.IFA_F_DADFAILED == 0
}

// strays are the copies that Hold must remove: last, after ours is there, so that the address is never gone; but first
// where the kernel would take the copy for ours and change nothing but its lifetime. For IPv6 that is any copy, for
// IPv4 one with our prefix length and a peer in our subnet.
func (k *Kernel) strays(here []netlink.Addr) (first, last []netlink.Addr) {
	for _, c := range here {
		switch {
		case k.wanted(c):
		case k.addr().Is6(), bits(c) == k.prefix.Bits() && k.ipNet().Contains(c.Peer.IP):
			first = append(first, c)
		default:
			last = append(last, c)
		}
	}
	return first, last
}

// bits is a copy's prefix length, which is its peer's where it has one.
func bits(c netlink.Addr) int {
	mask := c.Mask
	if c.Peer != nil {
		mask = c.Peer.Mask
	}
	ones, _ := mask.Size()
	return ones
}

func oddity(c netlink.Addr, wantedToo bool) string {
	switch {
	case c.Flags&unix.IFA_F_DADFAILED != 0:
		return "duplicate address detection failed"
	case c.Peer != nil:
		return also(wantedToo) + "with peer " + c.Peer.String()
	}
	return fmt.Sprintf("%sas /%d", also(wantedToo), bits(c))
}

func also(too bool) string {
	if too {
		return "also "
	}
	return ""
}

// linkNames names the links that copies are on.
func (k *Kernel) linkNames(copies []netlink.Addr) string {
	var names []string
	for _, c := range copies {
		name := fmt.Sprintf("link %d", c.LinkIndex)
		if l, err := k.netlink.LinkByIndex(c.LinkIndex); err == nil {
			name = l.Attrs().Name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func (k *Kernel) family() int {
	if k.addr().Is4() {
		return netlink.FAMILY_V4
	}
	return netlink.FAMILY_V6
}

func (k *Kernel) ipNet() *net.IPNet {
	return &net.IPNet{IP: k.addr().AsSlice(), Mask: net.CIDRMask(k.prefix.Bits(), k.addr().BitLen())}
}
