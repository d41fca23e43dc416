package lab

import (
	"errors"
	"net"
)

// Stranger plugs one more host into the switch that was given the VIP by mistake, for good. It returns that host's MAC,
// and a function that takes the host away.
func (l *Lab) Stranger() (mac string, leave func() error, err error) {
	ns, err := l.plug(l.sw, "stranger", l.VIP)
	if err != nil {
		return "", nil, errors.Join(err, ns.delete())
	}
	err = ns.Do(func() error {
		link, err := net.InterfaceByName("eth0")
		if err == nil {
			mac = link.HardwareAddr.String()
		}
		return err
	})
	return mac, ns.delete, err
}
