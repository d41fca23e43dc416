package recipes

import (
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/vip"
)

// TestAntiSpoofing: what docs/surroundings.md says of ANSWERS on a replica. The filter stands where
// a hypervisor has it, behind the host that holds the VIP.
func TestAntiSpoofing(t *testing.T) {
	alone(t)
	if _, err := exec.LookPath("nft"); err != nil {
		t.Skipf("%v (make deps installs it)", err)
	}
	newNeighbour(t, "eth0")
	output(t, "ip", "addr", "add", "10.8.0.1/24", "dev", "eth0")
	const address = "10.8.0.100"
	output(t, "ip", "-n", other, "addr", "add", address+"/32", "dev", other)
	k := vip.New(vip.Options{Prefix: netip.MustParsePrefix(address + "/32"), Interface: "eth0", Clock: now})
	answers := func() int {
		macs, err := k.Probe(t.Context(), 300*time.Millisecond)
		must(t, err)
		return len(macs)
	}
	reaches := func() bool {
		_, err := net.DialTimeout("tcp", address+":5432", 300*time.Millisecond)
		return errors.Is(err, unix.ECONNREFUSED) // nobody listens, but the host says so
	}

	eventually(t, "the holder answers", func() bool { return answers() == 1 })
	if !reaches() {
		t.Error("without a filter nobody gets through")
	}
	drop := func(family, match string) {
		output(t, "ip", "netns", "exec", other, "nft", "add table "+family+" f; add chain "+family+" f o { type filter hook output priority 0; }; add rule "+family+" f o "+match+" "+address+" drop")
	}
	drop("ip", "ip saddr")
	if answers() != 1 || reaches() {
		t.Error("a filter for IP alone: want its MAC in ANSWERS, and no way through")
	}
	drop("arp", "arp saddr ip")
	if answers() != 0 {
		t.Error("a filter for ARP: want nobody in ANSWERS")
	}
}
