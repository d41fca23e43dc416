package vip

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// rtnl is rtnetlink(7): the links, addresses, routes and neighbours of this network namespace. Its
// socket is opened at its first use.
type rtnl struct{ handle *netlink.Handle }

func (r *rtnl) open() (*netlink.Handle, error) {
	if r.handle == nil {
		h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
		if err != nil {
			return nil, fmt.Errorf("open netlink socket: %w", err)
		}
		r.handle = h
	}
	return r.handle, nil
}

// dump is a list of the kernel's. It is asked for again where a change of what it lists has
// interrupted it.
func dump[T any](r *rtnl, what string, list func(*netlink.Handle) ([]T, error)) (all []T, err error) {
	h, err := r.open()
	if err != nil {
		return nil, err
	}
	for range 5 {
		if all, err = list(h); !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	if err != nil {
		return all, fmt.Errorf("list %s: %w", what, err)
	}
	return all, nil
}

func (r *rtnl) links() ([]netlink.Link, error) {
	return dump(r, "links", (*netlink.Handle).LinkList)
}

// addresses are those of a family, on every link.
func (r *rtnl) addresses(family int) ([]netlink.Addr, error) {
	return dump(r, "addresses", func(h *netlink.Handle) ([]netlink.Addr, error) { return h.AddrList(nil, family) })
}

// routes are those that are like the filter in what the mask names.
func (r *rtnl) routes(family int, filter netlink.Route, mask uint64) ([]netlink.Route, error) {
	return dump(r, "routes", func(h *netlink.Handle) ([]netlink.Route, error) {
		return h.RouteListFiltered(family, &filter, mask)
	})
}

func (r *rtnl) neighbours(family int, link *netlink.LinkAttrs) ([]netlink.Neigh, error) {
	return dump(r, "neighbours on "+link.Name, func(h *netlink.Handle) ([]netlink.Neigh, error) {
		return h.NeighList(link.Index, family)
	})
}

// linkNames names the links that addresses are on.
func (r *rtnl) linkNames(addresses []netlink.Addr) string {
	var names []string
	for _, a := range addresses {
		name := fmt.Sprintf("link %d", a.LinkIndex)
		if l, err := r.handle.LinkByIndex(a.LinkIndex); err == nil {
			name = l.Attrs().Name
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// isDefault reports whether a route with this destination is a default route.
func isDefault(dst *net.IPNet) bool {
	if dst == nil {
		return true
	}
	ones, _ := dst.Mask.Size()
	return ones == 0 && dst.IP.IsUnspecified()
}
