package recipes

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/vip"
)

const (
	leased  = "10.9.%d.100/32" // the VIPs, and the host's own address
	endless = "10.9.%d.101/32"
	own     = "10.9.%d.1/24"
)

// row is what docs/surroundings.md says of a KeepConfiguration=, "" for none.
type row struct {
	setting                 string
	since                   int // the version of systemd that it is new in, 0 for all
	keepLeased, keepForever bool
}

var tableRow = regexp.MustCompile("(?m)^\\| `?([a-z-]+)`?(?:, since systemd ([0-9]+))? \\| (stays|is removed) \\| (stays|is removed) \\|$")

// documented reads the table of docs/surroundings.md.
func documented(t *testing.T) []row {
	t.Helper()
	page, err := os.ReadFile("../../docs/surroundings.md")
	if err != nil {
		t.Fatal(err)
	}
	verdict := map[string]bool{"stays": true, "is removed": false}
	var rows []row
	for _, m := range tableRow.FindAllStringSubmatch(string(page), -1) {
		since, _ := strconv.Atoi(m[2])
		rows = append(rows, row{strings.TrimPrefix(m[1], "none"), since, verdict[m[3]], verdict[m[4]]})
	}
	if len(rows) < 4 {
		t.Fatalf("the page has a table of %d settings", len(rows))
	}
	return rows
}

// TestKeepConfiguration: what the page says of each setting holds at a reconfigure, and at a
// restart where that removes anything. Each setting has a link of its own, with a VIP that has a
// lease and one that has no end.
func TestKeepConfiguration(t *testing.T) {
	alone(t)
	page := documented(t)
	startBus(t)
	for _, d := range daemons(t) {
		t.Run(d.name, func(t *testing.T) {
			rows := slices.DeleteFunc(slices.Clone(page), func(r row) bool { return r.since > d.version })
			w := furnished(t, d, rows)
			w.claim(t)
			w.networkctl(t, "reconfigure")
			w.check(t, "reconfigure", rows)

			w.claim(t)
			w.restart(t)
			if d.restartKeepsAll() {
				for i := range rows {
					rows[i].keepLeased, rows[i].keepForever = true, true
				}
			}
			w.check(t, "restart", rows)
		})
	}
}

// TestNetplan: the drop-in that docs/surroundings.md has people write keeps both kinds of VIP.
func TestNetplan(t *testing.T) {
	alone(t)
	startBus(t)
	rows := []row{{keepLeased: true, keepForever: true}, {}} // without a drop-in they go, and the test knows that networkd is done
	for _, d := range daemons(t) {
		t.Run(d.name, func(t *testing.T) {
			w := furnished(t, d, rows)
			blocks := consoleBlocks(t, "../../docs/surroundings.md", "## netplan")
			shell(t, strings.ReplaceAll(blocks[0], "10-netplan-eth0", w.links[0]))
			w.claim(t)
			w.networkctl(t, "reconfigure")
			w.check(t, "reconfigure", rows)
			must(t, os.RemoveAll("/etc/systemd/network/"+w.links[0]+".network.d"))
		})
	}
}

// world is a networkd at work on a link for each row.
type world struct {
	daemon  daemon
	process *exec.Cmd
	links   []string
}

func furnished(t *testing.T, d daemon, rows []row) *world {
	t.Helper()
	w := &world{daemon: d}
	must(t, os.MkdirAll("/run/systemd/network", 0o755))
	for i, r := range rows {
		name := fmt.Sprintf("vip%d", i)
		must(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: name + "p"}))
		peer, err := netlink.LinkByName(name + "p")
		must(t, err)
		must(t, netlink.LinkSetUp(peer))
		t.Cleanup(func() { must(t, netlink.LinkDel(peer)) })
		file := fmt.Sprintf("[Match]\nName=%s\n[Network]\nAddress=%s\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n", name, fmt.Sprintf(own, i))
		if r.setting != "" {
			file += "KeepConfiguration=" + r.setting + "\n"
		}
		must(t, os.WriteFile("/run/systemd/network/"+name+".network", []byte(file), 0o644))
		w.links = append(w.links, name)
	}
	w.start(t)
	t.Cleanup(func() { w.stop(t) })
	return w
}

func (w *world) start(t *testing.T) {
	t.Helper()
	var said bytes.Buffer
	w.process = exec.Command(w.daemon.argv[0], w.daemon.argv[1:]...)
	w.process.Stdout, w.process.Stderr = &said, &said
	must(t, w.process.Start())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("networkd said:\n%s", said.String())
		}
	})
	for i, name := range w.links {
		eventually(t, name+" is configured", func() bool {
			link, err := netlink.LinkByName(name)
			must(t, err)
			state, _ := os.ReadFile(fmt.Sprintf("/run/systemd/netif/links/%d", link.Attrs().Index))
			return bytes.Contains(state, []byte("ADMIN_STATE=configured")) && w.has(t, i, own)
		})
	}
}

func (w *world) stop(t *testing.T) {
	t.Helper()
	must(t, w.process.Process.Signal(unix.SIGTERM))
	_ = w.process.Wait()
}

// restart is `systemctl restart systemd-networkd`: the folder of its states stays
// (RuntimeDirectoryPreserve=yes).
func (w *world) restart(t *testing.T) {
	t.Helper()
	w.stop(t)
	for i := range w.links {
		if !w.has(t, i, leased) || !w.has(t, i, endless) {
			t.Errorf("%s: a VIP goes when networkd stops", w.links[i])
		}
	}
	w.start(t)
}

// networkctl asks for every link, the last first: its VIPs are removed, so that the others have had
// their time by then.
func (w *world) networkctl(t *testing.T, verb string) {
	t.Helper()
	links := slices.Clone(w.links)
	slices.Reverse(links)
	if out, err := exec.Command("networkctl", append([]string{verb}, links...)...).CombinedOutput(); err != nil {
		t.Fatalf("networkctl %s: %v: %s", verb, err, out)
	}
}

// claim puts both VIPs on each link as vipctl does.
func (w *world) claim(t *testing.T) {
	t.Helper()
	for i, name := range w.links {
		for address, until := range map[string]policy.Moment{leased: now().Add(time.Minute), endless: policy.Forever} {
			k := vip.New(vip.Options{Prefix: netip.MustParsePrefix(fmt.Sprintf(address, i)), Interface: name, Clock: now})
			must(t, k.Keep(until))
		}
	}
}

// now is the boot clock.
func now() policy.Moment {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return policy.SinceBoot(time.Duration(ts.Nano()))
}

func (w *world) has(t *testing.T, i int, address string) bool {
	t.Helper()
	link, err := netlink.LinkByName(w.links[i])
	must(t, err)
	addrs, err := netlink.AddrList(link, unix.AF_INET)
	must(t, err)
	return slices.ContainsFunc(addrs, func(a netlink.Addr) bool { return a.IPNet.String() == fmt.Sprintf(address, i) })
}

// check waits until what goes has gone, and a moment more for what must not.
func (w *world) check(t *testing.T, after string, rows []row) {
	t.Helper()
	verdicts := func(each func(i int, address string, stays bool)) {
		for i, r := range rows {
			each(i, leased, r.keepLeased)
			each(i, endless, r.keepForever)
		}
	}
	verdicts(func(i int, address string, stays bool) {
		if !stays {
			eventually(t, fmt.Sprintf("%s: KeepConfiguration=%s removes %s", after, rows[i].setting, fmt.Sprintf(address, i)), func() bool { return !w.has(t, i, address) })
		}
	})
	time.Sleep(500 * time.Millisecond)
	verdicts(func(i int, address string, stays bool) {
		if stays && !w.has(t, i, address) {
			t.Errorf("%s: KeepConfiguration=%s removes %s, and the page says that it stays", after, rows[i].setting, fmt.Sprintf(address, i))
		}
	})
}
