package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const address = "10.99.0.5"

// bench makes a veth pair, claims an address on one end and listens on the other.
func bench(vipctl, minimal string, claims int) error {
	dir, err := makeDir()
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	link, err := makeLinks()
	if err != nil {
		return fmt.Errorf("make the links: %w", err)
	}
	if err := servePatroni(); err != nil {
		return err
	}
	config, err := writeConfig(dir)
	if err != nil {
		return err
	}
	wire, err := listen("bench1")
	if err != nil {
		return fmt.Errorf("listen for frames: %w", err)
	}
	claim := []string{vipctl, "--config", config, "callback", "on_role_change", "primary", "bench"}
	floor := []string{minimal, strconv.Itoa(link.Attrs().Index), link.Attrs().HardwareAddr.String(), address}
	var ours, theirs []time.Duration
	for range claims {
		for _, run := range []struct {
			argv []string
			into *[]time.Duration
		}{{claim, &ours}, {floor, &theirs}} {
			took, err := firstFrame(wire, run.argv)
			if err != nil {
				return err
			}
			*run.into = append(*run.into, took)
			if err := forget(link, dir); err != nil {
				return err
			}
		}
	}
	fmt.Printf("start of the process to its first ARP frame, %d claims each, in turns\n", claims)
	fmt.Printf("  vipctl callback   %s\n  minimal program   %s\n", spread(ours), spread(theirs))
	if err := benchTick(vipctl, config); err != nil {
		return err
	}
	size, err := os.Stat(vipctl)
	if err != nil {
		return err
	}
	fmt.Printf("binary              %.2f MB\n", float64(size.Size())/1e6)
	return nil
}

// makeDir makes a folder that vipctl believes a configuration in: none above it may be anybody's to
// write, as /tmp is.
func makeDir() (string, error) {
	if dir, err := os.MkdirTemp("/var/lib", "vipctl-bench-"); err == nil {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return os.MkdirTemp(home, ".vipctl-bench-")
}

func makeLinks() (netlink.Link, error) {
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "bench0"}, PeerName: "bench1"}
	if err := netlink.LinkAdd(pair); err != nil {
		return nil, err
	}
	for _, name := range []string{"lo", "bench0", "bench1"} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return nil, err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return nil, err
		}
	}
	return netlink.LinkByName("bench0")
}

// servePatroni answers as a healthy leader does.
func servePatroni() error {
	l, err := net.Listen("tcp", "127.0.0.1:8008")
	if err != nil {
		return err
	}
	answer := func(w http.ResponseWriter, r *http.Request) {
		body := map[string]any{"ttl": 30, "loop_wait": 10, "retry_timeout": 10, "members": []any{}}
		if r.URL.Path == "/leader" {
			loop := 10 * (time.Now().Unix() / 10)
			body = map[string]any{
				"state": "running", "role": "primary", "timeline": 1, "dcs_last_seen": loop,
				"patroni": map[string]string{"version": "4.0.7", "scope": "bench", "name": "n1"},
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body) // a client that has gone away is its own business
	}
	go func() { _ = http.Serve(l, http.HandlerFunc(answer)) }()
	return nil
}

func writeConfig(dir string) (string, error) {
	files := map[string]string{
		"patroni.yml": "scope: bench\nname: n1\nrestapi: {listen: 127.0.0.1:8008, connect_address: 127.0.0.1:8008}\n" +
			"postgresql: {data_dir: " + dir + "}\n",
		"vipctl.yml": "patroni: {config: " + dir + "/patroni.yml}\nvips: [{address: " + address + ", interface: bench0}]\n" +
			"paths: {run: " + dir + "/run, state: " + dir + "/state}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, "vipctl.yml"), nil
}

// listen opens a socket that receives the ARP frames on a link, with a second's patience.
func listen(link string) (int, error) {
	ifi, err := net.InterfaceByName(link)
	if err != nil {
		return 0, err
	}
	const arp = 0x0608 // ETH_P_ARP, 0x0806, in network order on a little-endian machine
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, arp)
	if err != nil {
		return 0, err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: arp, Ifindex: ifi.Index}); err != nil {
		return 0, err
	}
	return fd, unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1})
}

// firstFrame starts a program and returns how long it took until a frame of its was on the wire.
func firstFrame(wire int, argv []string) (time.Duration, error) {
	drain(wire)
	cmd := exec.Command(argv[0], argv[1:]...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	_, _, err := unix.Recvfrom(wire, make([]byte, 64), 0)
	took := time.Since(began)
	if waited := cmd.Wait(); waited != nil {
		return 0, fmt.Errorf("%s: %w", argv[0], waited)
	}
	if err != nil {
		return 0, fmt.Errorf("%s: no frame: %w", argv[0], err)
	}
	return took, nil
}

// drain forgets the frames of the run before.
func drain(wire int) {
	for {
		if _, _, err := unix.Recvfrom(wire, make([]byte, 64), unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}

// forget takes the address and what vipctl keeps in /run away, so that the next claim is a first
// one.
func forget(link netlink.Link, dir string) error {
	addresses, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil {
		return err
	}
	for _, a := range addresses {
		if err := netlink.AddrDel(link, &a); err != nil {
			return err
		}
	}
	return os.RemoveAll(filepath.Join(dir, "run"))
}

// benchTick prints what a tick costs that finds everything as it should be.
func benchTick(vipctl, config string) error {
	argv := []string{vipctl, "--config", config, "reconcile"}
	if err := exec.Command(argv[0], argv[1:]...).Run(); err != nil { // the claim
		return fmt.Errorf("reconcile: %w", err)
	}
	const ticks = 50
	var cpu, wall []time.Duration
	var peak int64
	for range ticks {
		cmd := exec.Command(argv[0], argv[1:]...)
		began := time.Now()
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("reconcile: %w", err)
		}
		wall = append(wall, time.Since(began))
		cpu = append(cpu, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, usage.Maxrss)
		}
	}
	fmt.Printf("a tick that changes nothing, %d runs\n  CPU               %s\n  wall              %s\n  peak memory       %.1f MB\n",
		ticks, spread(cpu), spread(wall), float64(peak)/1024)
	return nil
}

// spread is a series in one line.
func spread(d []time.Duration) string {
	slices.Sort(d)
	at := func(percent int) float64 {
		return float64(d[(len(d)-1)*percent/100].Microseconds()) / 1000
	}
	return fmt.Sprintf("p50 %6.2f ms   p99 %6.2f ms   min %6.2f ms   max %6.2f ms", at(50), at(99), at(0), at(100))
}
