package conf

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// BaseURL takes the path off a REST API's address, and refuses what is none: the scheme must be
// http or https, and there must be a host.
func BaseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not the address of a REST API", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// splitHostPort takes an address apart as Patroni's split_host_port does: the port is what follows
// the last colon, spaces around it do not count, and an IPv6 address may do without brackets. The
// port is empty where there is none. Spaces around a host are ignored, as resolvers did before
// glibc 2.29.
func splitHostPort(text string) (host, port string, err error) {
	host, port = text, ""
	if i := strings.LastIndexByte(text, ':'); i >= 0 {
		host, port = text[:i], strings.TrimSpace(text[i+1:])
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", "", fmt.Errorf("port %q", port)
		}
	}
	host = strings.TrimSpace(host)
	if strings.Contains(host, ":") {
		host = strings.Trim(host, "[]")
		addr, err := netip.ParseAddr(host)
		if err == nil && strings.ContainsFunc(addr.Zone(), func(r rune) bool { return !inHost(r) }) {
			err = fmt.Errorf("zone %q", addr.Zone())
		}
		if err != nil {
			return "", "", err
		}
		return host, port, nil
	}
	if strings.ContainsFunc(host, func(r rune) bool { return !inHost(r) }) {
		return "", "", fmt.Errorf("host %q", host)
	}
	return host, port, nil
}

// inHost reports whether a host's name or an IPv4 address can have this character. Names in other
// scripts can.
func inHost(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("*-._", r)
}

// wildcard reports whether a server that listens at host listens at every address.
func wildcard(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "*" || err == nil && bare(ip).IsUnspecified()
}
