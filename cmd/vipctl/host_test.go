package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// testHost is a host for one test: a network namespace with eth0, and fresh /etc, /run and /var. It
// is the calling goroutine's, and that of the processes it starts.
type testHost struct {
	patroni *fakePatroni
	clients net.Listener // PostgreSQL's
	running []*exec.Cmd  // each in a process group of its own
	hetzner *fakeHetzner // nil before it is started
}

// defaultVipctlYML has an interval at which no tick is late, however slow the machine.
const defaultVipctlYML = `patroni:
  config: /etc/patroni/patroni.yml
vips:
  - address: 192.0.2.10
    interface: eth0
interval: 5s
`

const defaultPatroniYML = `scope: demo
name: n1
restapi:
  listen: 127.0.0.1:8008
postgresql:
  data_dir: /var/lib/postgresql
  listen: '*:5432'
  callbacks:
    on_start: /etc/bin/vipctl callback
    on_stop: /etc/bin/vipctl callback
    on_role_change: /etc/bin/vipctl callback
    on_restart: /etc/bin/vipctl callback
`

// newTestHost gives the goroutine its own host. The goroutine's thread ends with it, and the
// namespaces with the thread.
func newTestHost() (*testHost, error) {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("unshare: %w", err)
	}
	for _, dir := range []string{"/etc", "/run", "/var"} {
		if err := mountTmpfs(dir, ""); err != nil {
			return nil, err
		}
	}
	h := &testHost{patroni: newFakePatroni()}
	vipctl, err := exec.LookPath("vipctl") // the one that scripts run
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"/etc/bin", "/etc/vipctl", "/etc/patroni", "/run/vipctl", "/var/lib/vipctl", "/var/lib/postgresql"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	return h, errors.Join(
		os.WriteFile("/etc/vipctl/vipctl.yml", []byte(defaultVipctlYML), 0o644),
		os.WriteFile("/etc/patroni/patroni.yml", []byte(defaultPatroniYML), 0o644),
		os.Symlink(vipctl, "/etc/bin/vipctl"),
		os.WriteFile("/var/lib/postgresql/PG_VERSION", []byte("17\n"), 0o644),
		os.WriteFile("/etc/passwd", []byte("root:x:0:0::/root:\npostgres:x:999:999::/:\neve:x:1001:1001::/:\n"), 0o644),
		upLoopback(), addLink("eth0"), h.listenAt(""), h.postgres("up"))
}

// postgres writes what PostgreSQL leaves in its data directory when it runs, is stopping, or is
// down.
func (h *testHost) postgres(how string) error {
	const file = "/var/lib/postgresql/postmaster.pid"
	pid := strconv.Itoa(os.Getpid())
	switch how {
	case "up":
		return os.WriteFile(file, []byte(pid+"\n/var/lib/postgresql\n0\n5432\n\n\n\nready   \n"), 0o644)
	case "stopping":
		return os.WriteFile(file, []byte(pid+"\n/var/lib/postgresql\n0\n5432\n\n\n\nstopping\n"), 0o644)
	case "down":
		return os.RemoveAll(file)
	}
	return fmt.Errorf("got %q, want up, stopping or down", how)
}

// listenAt has PostgreSQL listen at one address, or at every one. The port may still be open in a
// process that another test is starting: hence SO_REUSEPORT.
func (h *testHost) listenAt(address string) error {
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		failed := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		return errors.Join(failed, err)
	}}
	l, err := shared.Listen(context.Background(), "tcp", net.JoinHostPort(address, "5432"))
	if err != nil {
		return err
	}
	if h.clients != nil {
		_ = h.clients.Close()
	}
	h.clients = l
	return nil
}

// end kills what runs.
func (h *testHost) end() {
	for _, c := range h.running {
		_ = unix.Kill(-c.Process.Pid, unix.SIGKILL)
		_ = c.Wait()
	}
	h.running = nil
}

// addLink makes a link with a cable to nowhere.
func addLink(name string) error {
	end := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "-cable"}
	if err := netlink.LinkAdd(end); err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	peer, err := netlink.LinkByName(end.PeerName)
	if err != nil {
		return err
	}
	return errors.Join(netlink.LinkSetUp(peer), netlink.LinkSetUp(end))
}

// held reports the prefix lengths with which an address is on a link, and on which.
func held(addr netip.Addr) (copies []string, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		list, err := netlink.AddrList(l, netlink.FAMILY_ALL)
		if err != nil {
			return nil, err
		}
		for _, a := range list {
			if ip, ok := netip.AddrFromSlice(a.IP); ok && ip.Unmap() == addr {
				ones, _ := a.Mask.Size()
				copies = append(copies, fmt.Sprintf("%s/%d %s", addr, ones, l.Attrs().Name))
			}
		}
	}
	return copies, nil
}

// changeAddress is ip address add or del.
func changeAddress(verb, prefix, link string) error {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return err
	}
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	a := &netlink.Addr{IPNet: &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}}
	if verb == "add" {
		return netlink.AddrAdd(l, a)
	}
	return netlink.AddrDel(l, a)
}

// changeLink is ip link set up, set down, set arp off, set arp on, del or add.
func changeLink(verb, link string) error {
	if verb == "add" {
		return addLink(link)
	}
	l, err := netlink.LinkByName(link)
	if err != nil {
		return err
	}
	switch verb {
	case "up":
		return netlink.LinkSetUp(l)
	case "down":
		return netlink.LinkSetDown(l)
	case "arp-off":
		return netlink.LinkSetARPOff(l)
	case "arp-on":
		return netlink.LinkSetARPOn(l)
	case "del":
		return netlink.LinkDel(l)
	}
	return fmt.Errorf("got %q, want add, del, up, down, arp-off or arp-on", verb)
}
