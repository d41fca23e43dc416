package recipes

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestByHand types what docs/operations.md says of an address that has to be moved by hand, on a
// link with a dot in its name, as VLANs have: the address comes, the neighbour hears of it, and it
// goes. A line that is typed twice does no harm.
func TestByHand(t *testing.T) {
	alone(t)
	for _, program := range []string{"ip", "arping", "sysctl"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%v (make deps installs it)", err)
		}
	}
	const link = "eth0.100"
	w := newNeighbour(t, link)
	blocks := consoleBlocks(t, "../../docs/operations.md", "### By hand")
	for i, address := range []string{"10.8.0.100", "fd00:8::100"} {
		t.Run(address, func(t *testing.T) {
			lines := strings.NewReplacer("ADDRESS", address, "LINK", link).Replace(blocks[i])
			del, add, ok := strings.Cut(lines, "\n")
			if !ok || !strings.Contains(del, " del ") {
				t.Fatalf("not one line that takes the address away and others that add it:\n%s", lines)
			}
			w.believes(t, address, "02:00:00:00:00:99")
			shell(t, add)
			eventually(t, "the neighbour hears of "+address, func() bool { return w.neighbour(t, address) == w.mac })
			shell(t, add)
			shell(t, del)
			if out := output(t, "ip", "addr", "show", "to", address); out != "" {
				t.Errorf("it is still there: %s", out)
			}
		})
	}
}

// consoleBlocks are the blocks of commands under a heading, without their prompts.
func consoleBlocks(t *testing.T, file, heading string) (blocks []string) {
	t.Helper()
	page, err := os.ReadFile(file)
	must(t, err)
	_, text, found := strings.Cut(string(page), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", file, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	for _, m := range regexp.MustCompile("(?s)```console\n(.*?)\n```").FindAllStringSubmatch(text, -1) {
		blocks = append(blocks, regexp.MustCompile(`(?m)^[#$] `).ReplaceAllString(m[1], ""))
	}
	return blocks
}

// neighbour is a host on the other side of a link of ours.
type neighbour struct {
	mac string // ours
}

const other = "neighbour" // its namespace, and its link

func newNeighbour(t *testing.T, link string) neighbour {
	t.Helper()
	output(t, "ip", "netns", "add", other)
	output(t, "ip", "link", "add", link, "type", "veth", "peer", "name", other, "netns", other)
	t.Cleanup(func() { output(t, "ip", "netns", "delete", other) })
	output(t, "ip", "link", "set", link, "up")
	output(t, "ip", "-n", other, "link", "set", other, "up")
	output(t, "ip", "-n", other, "addr", "add", "10.8.0.2/24", "dev", other)
	output(t, "ip", "-n", other, "addr", "add", "fd00:8::2/64", "dev", other, "nodad")
	l, err := netlink.LinkByName(link)
	must(t, err)
	return neighbour{mac: l.Attrs().HardwareAddr.String()}
}

// believes makes the neighbour believe that another MAC has the address.
func (neighbour) believes(t *testing.T, address, mac string) {
	t.Helper()
	output(t, "ip", "-n", other, "neigh", "replace", address, "lladdr", mac, "nud", "stale", "dev", other)
}

// neighbour is the MAC that the neighbour has for the address.
func (neighbour) neighbour(t *testing.T, address string) string {
	t.Helper()
	m := regexp.MustCompile(`lladdr (\S+)`).FindStringSubmatch(output(t, "ip", "-n", other, "neigh", "show", address))
	if m == nil {
		return ""
	}
	mac, err := net.ParseMAC(m[1])
	must(t, err)
	return mac.String()
}

// shell types lines; each has to succeed.
func shell(t *testing.T, lines string) {
	t.Helper()
	for _, line := range strings.Split(lines, "\n") {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
}

func output(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}
