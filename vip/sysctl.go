package vip

import (
	"os"
	"strconv"
	"strings"
)

// sysctls is where the kernel has the settings of this network namespace. They are named by their paths below it: a link's
// name may have dots in it.
const sysctls = "/proc/sys/net/"

// linkConf names a setting of a link, or of "all".
func linkConf(family, link, name string) string { return family + "/conf/" + link + "/" + name }

// sysctl reads a number; what cannot be read is 0.
func sysctl(key string) int {
	text, err := os.ReadFile(sysctls + key)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return n
}

// dotted names a setting as people do, but with the slashes that sysctl(8) takes as well where a link's name has a dot.
func dotted(key string) string {
	if strings.Contains(key, ".") {
		return "net/" + key
	}
	return "net." + strings.ReplaceAll(key, "/", ".")
}
