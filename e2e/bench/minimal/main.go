// Command minimal is the floor that vipctl's start is measured against: the same two kernel calls
// as a claim, put an address on a link and send one gratuitous ARP request, and nothing else.
//
//	minimal LINK-INDEX MAC IPv4
package main

import (
	"encoding/binary"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

func main() {
	index, _ := strconv.Atoi(os.Args[1])
	mac, _ := net.ParseMAC(os.Args[2])
	ip := net.ParseIP(os.Args[3]).To4()
	if err := addAddress(index, ip); err != nil {
		panic(err)
	}
	if err := announce(index, mac, ip); err != nil {
		panic(err)
	}
}

// addAddress is RTM_NEWADDR with NLM_F_REPLACE for a /32, without waiting for the kernel's
// acknowledgement.
func addAddress(index int, ip net.IP) error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	m := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfAddrmsg)
	binary.NativeEndian.PutUint16(m[4:], unix.RTM_NEWADDR)
	binary.NativeEndian.PutUint16(m[6:], unix.NLM_F_REQUEST|unix.NLM_F_CREATE|unix.NLM_F_REPLACE)
	m[16], m[17] = unix.AF_INET, 32
	binary.NativeEndian.PutUint32(m[20:], uint32(index))
	for _, attribute := range []uint16{unix.IFA_LOCAL, unix.IFA_ADDRESS} {
		m = binary.NativeEndian.AppendUint16(m, 8)
		m = binary.NativeEndian.AppendUint16(m, attribute)
		m = append(m, ip...)
	}
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	return unix.Sendto(fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// announce broadcasts a gratuitous ARP request.
func announce(index int, mac net.HardwareAddr, ip net.IP) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	frame := []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	frame = append(frame, mac...)
	frame = append(frame, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1)
	frame = append(append(frame, mac...), ip...)
	frame = append(append(frame, 0, 0, 0, 0, 0, 0), ip...)
	return unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: index, Protocol: 0x0608, Halen: 6})
}
