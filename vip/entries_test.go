package vip

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A denial is called disabled IPv6 only where it is: SELinux denies with the same EACCES.
func TestDenied(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	const module = "permission denied (not for a lack of capabilities: a security module such as SELinux, see `ausearch -m avc -ts recent`)"
	for _, prefix := range []string{"10.77.0.5/32", "fd00::5/128"} {
		if err := entriesOn(t, prefix).denied(unix.EACCES); err.Error() != module || !errors.Is(err, os.ErrPermission) {
			t.Errorf("%s: %v", prefix, err)
		}
	}
	setConf(t, "ipv6/conf/eth0/disable_ipv6", "1")
	err := entriesOn(t, "fd00::5/128").denied(unix.EACCES)
	if want := "IPv6 is disabled on eth0: run: sysctl -w net.ipv6.conf.eth0.disable_ipv6=0"; err.Error() != want || errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}

// entriesOn are those of an address on eth0.
func entriesOn(t *testing.T, prefix string) entries {
	t.Helper()
	k := kernel(t, prefix, "eth0")
	s, err := k.survey()
	must(t, err)
	return entries{s, k.clock, k.warn}
}

func TestWarnsWhereSecondariesCannotBePromoted(t *testing.T) {
	newLAN(t).plug(t, us, "eth0")
	promote(t, "eth0", "0")
	var warnings []error
	k := New(Options{Clock: bootTime, Prefix: netip.MustParsePrefix("10.77.0.5/24"), Interface: "eth0", Warn: func(err error) { warnings = append(warnings, err) }})
	s := survey{address: k.address, link: &netlink.LinkAttrs{Name: "no/such"}}
	if (entries{s, k.clock, k.warn}).promoteSecondaries([]netlink.Addr{{IPNet: k.ipNet()}}) {
		t.Error("said to be safe")
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Error(), "when 10.77.0.5 goes, other addresses of its subnet on no/such may go with it: ") {
		t.Errorf("%v", warnings)
	}
}
