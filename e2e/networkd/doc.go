// Package networkd tests what systemd-networkd does to a VIP, on the real one.
//
// It needs neither systemd as PID 1 nor a cluster: networkd and a D-Bus of its own run in namespaces that last as long as
// the test. Without root or without the packages the test is skipped and says what is missing (make deps installs it).
package networkd
