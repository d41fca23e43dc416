package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Wire is what a client's link receives about the VIP: every ARP frame is written down. Its methods
// may be called concurrently.
type Wire struct {
	vip   net.IP
	names map[string]string // of the nodes, by MAC

	mu     sync.Mutex
	frames []Frame
}

// watchWire begins to write down what reaches the client, until stop is closed.
func watchWire(client *Namespace, vip string, hosts []*Host, stop <-chan struct{}) (*Wire, error) {
	w := &Wire{vip: net.ParseIP(vip), names: make(map[string]string)}
	for _, h := range hosts {
		mac, err := macOf(h.NS)
		if err != nil {
			return nil, err
		}
		w.names[mac] = h.Name
	}
	var fd int
	err := client.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(arpProtocol))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen for ARP at the client: %w", err)
	}
	// Frames may be seconds apart: look up now and then whether the lab is going away.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
	go w.follow(fd, stop)
	return w, nil
}

// arpProtocol is ETH_P_ARP in network byte order.
var arpProtocol = binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP))

// follow reads from the socket, and closes it in the end.
func (w *Wire) follow(fd int, stop <-chan struct{}) {
	defer unix.Close(fd)
	frame := make([]byte, 128)
	for {
		n, _, err := unix.Recvfrom(fd, frame, 0)
		select {
		case <-stop:
			return
		default:
		}
		if err == nil {
			w.record(frame[:n], time.Now())
		}
	}
}

// record writes an ARP packet down: RFC 826, for Ethernet and IPv4.
func (w *Wire) record(arp []byte, at time.Time) {
	if len(arp) < 28 {
		return
	}
	sender, from, to := net.HardwareAddr(arp[8:14]).String(), net.IP(arp[14:18]), net.IP(arp[24:28])
	if !from.Equal(w.vip) && !to.Equal(w.vip) {
		return
	}
	if name := w.names[sender]; name != "" {
		sender = name
	}
	kind := map[uint16]string{1: "asks", 2: "answers"}[binary.BigEndian.Uint16(arp[6:8])]
	what := fmt.Sprintf("%s %s for %s", from, kind, to)
	if from.Equal(to) {
		what = "announces"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames = append(w.frames, Frame{At: at, Node: sender, What: what})
}

// Frames returns every ARP frame about the VIP that the client has received since the lab is up.
func (w *Wire) Frames() []Frame {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.frames)
}
