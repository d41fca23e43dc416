package vip

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// sysctls is where the kernel has the settings of this network namespace. They are named by their
// paths below it: a link's name may have dots in it.
const sysctls = "/proc/sys/net/"

// linkConf names a setting of a link, or of "all".
func linkConf(family, link, name string) string { return family + "/conf/" + link + "/" + name }

// sysctl reads a number. What cannot be read is 0.
func sysctl(key string) int {
	text, err := os.ReadFile(sysctls + key)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

func setSysctl(key string, value int) error {
	return os.WriteFile(sysctls+key, []byte(strconv.Itoa(value)), 0)
}

// dotted names a setting as people do. Where a link's name has a dot, it has slashes, which
// sysctl(8) takes as well.
func dotted(key string) string {
	if strings.Contains(key, ".") {
		return "net/" + key
	}
	return "net." + strings.ReplaceAll(key, "/", ".")
}

// arpIgnore is the arp_ignore that counts on a link: the higher one of its own and that of "all".
// The key names the setting that has it; it is "" for 0.
func arpIgnore(link string) (key string, value int) {
	for _, c := range []string{linkConf("ipv4", "all", "arp_ignore"), linkConf("ipv4", link, "arp_ignore")} {
		if v := sysctl(c); v > value {
			key, value = c, v
		}
	}
	return key, value
}

// noIPv6 says why the link takes no such address; "" where it does, or where the address is IPv4.
func noIPv6(addr netip.Addr, link string) string {
	if addr.Is4() {
		return ""
	}
	if _, err := os.Stat(sysctls + "ipv6"); err != nil {
		return "this kernel has no IPv6 (ipv6.disable=1?)"
	}
	if key := linkConf("ipv6", link, "disable_ipv6"); sysctl(key) != 0 {
		return fmt.Sprintf("IPv6 is disabled on %s: run: sysctl -w %s=0", link, dotted(key))
	}
	return ""
}
