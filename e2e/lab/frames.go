package lab

import (
	"encoding/binary"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// Frame is an ARP frame about the VIP that the client's link received.
type Frame struct {
	At   time.Time
	Node string // whose MAC sent it, or the MAC
	What string
}

// listen writes down every ARP frame about the VIP that reaches the client.
func (l *Lab) listen() error {
	var fd int
	err := l.Client.Do(func() (err error) {
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(arpProtocol))
		return err
	})
	if err != nil {
		return fmt.Errorf("listen for ARP at the client: %w", err)
	}
	names, err := l.macs()
	if err != nil {
		unix.Close(fd)
		return err
	}
	// A frame a second at the least is not to be relied upon: look up now and then whether the lab is going away.
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000})
	go func() {
		defer unix.Close(fd)
		frame := make([]byte, 128)
		for {
			n, _, err := unix.Recvfrom(fd, frame, 0)
			select {
			case <-l.watch.stop:
				return
			default:
			}
			if err == nil {
				l.watch.hear(frame[:n], names)
			}
		}
	}()
	return nil
}

// arpProtocol is ETH_P_ARP in network byte order.
var arpProtocol = binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP))

// hear writes an ARP packet down: RFC 826, for Ethernet and IPv4.
func (w *watch) hear(arp []byte, names map[string]string) {
	if len(arp) < 28 {
		return
	}
	sender, from, to := net.HardwareAddr(arp[8:14]).String(), net.IP(arp[14:18]), net.IP(arp[24:28])
	if !from.Equal(w.vip) && !to.Equal(w.vip) {
		return
	}
	if name := names[sender]; name != "" {
		sender = name
	}
	kind := map[uint16]string{1: "asks", 2: "answers"}[binary.BigEndian.Uint16(arp[6:8])]
	what := fmt.Sprintf("%s %s for %s", from, kind, to)
	if from.Equal(to) {
		what = "announces"
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frames = append(w.frames, Frame{At: time.Now(), Node: sender, What: what})
}

// macs names the nodes by their MACs.
func (l *Lab) macs() (map[string]string, error) {
	names := make(map[string]string)
	for _, n := range l.Nodes {
		err := n.NS.Do(func() error {
			link, err := net.InterfaceByName("eth0")
			if err == nil {
				names[link.HardwareAddr.String()] = n.Name
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}
