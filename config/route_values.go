package config

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

func trueOrFalse() kind[bool] {
	return either("true", "false", map[string]string{"yes": "true", "on": "true", "no": "false", "off": "false"})
}

// managedOrStatic is true where the address on the link is vipctl's.
func managedOrStatic() kind[bool] { return either("managed", "static", nil) }

// cloudName is the id of an object of the Cloud API, or its name, which is any text.
func cloudName(want string) kind[string] {
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil && id <= 0 {
			return "", &wish{want: want, hint: "an id is above 0"}
		}
		if text == "" || strings.TrimSpace(text) != text || hasControl(text) {
			return "", &wish{want: want}
		}
		return text, nil
	}}
}

// floatingIP is a floating IP's id, name or address. An address has to be the VIP's. For IPv6 it
// has to be in the VIP's /64: the API shows the network, 2001:db8::/64.
func floatingIP(vip netip.Addr) kind[string] {
	k := cloudName("the floating IP's id, name or address")
	free := k.parse
	k.parse = func(text string) (string, *wish) {
		prefix, ok := addressOrPrefix(text)
		if !ok || !vip.IsValid() {
			return free(text)
		}
		if want := routedWith(vip); prefix.Bits() < want.Bits() || routedWith(prefix.Addr()) != want {
			return "", &wish{want: "the floating IP of " + vip.String(), hint: "leave it out, and it is that"}
		}
		return text, nil
	}
	return k
}

// addressOrPrefix reads an address as a prefix of full length. An address with a zone is the zero
// prefix, which fits no VIP.
func addressOrPrefix(text string) (netip.Prefix, bool) {
	addr, err := netip.ParseAddr(text)
	switch {
	case err == nil && addr.Zone() != "":
		return netip.Prefix{}, true
	case err == nil:
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix, err == nil
}

// serverID is a server's number in the Cloud.
func serverID() kind[int64] {
	return kind[int64]{
		show: func(id int64) string {
			if id == 0 {
				return ""
			}
			return strconv.FormatInt(id, 10)
		},
		parse: func(text string) (int64, *wish) {
			id, err := strconv.ParseInt(text, 10, 64)
			if err != nil || id <= 0 {
				return 0, &wish{want: "this server's id, a whole number above 0", hint: "leave it out to ask the metadata service"}
			}
			return id, nil
		},
	}
}

// secretPath is the path of a file with a secret. What is not a path may be the secret itself, and
// is not shown.
func secretPath(secret string) kind[string] {
	k := path()
	absolute := k.parse
	k.parse = func(text string) (string, *wish) {
		clean, wrong := absolute(text)
		if wrong != nil {
			wrong.got = "something else"
			wrong.want = "an absolute path of a file with " + secret
		}
		return clean, wrong
	}
	return k
}

// robotUser is a user of the Robot webservice. HTTP's Basic ends a user at the first colon (RFC
// 7617, section 2).
func robotUser() kind[string] {
	const want = `the webservice user in quotes, such as "#ws+Abcdefgh"`
	show := func(user string) string {
		if user == "" {
			return ""
		}
		return strconv.Quote(user) // it begins with what begins a comment
	}
	return kind[string]{show: show, parse: func(text string) (string, *wish) {
		switch {
		case strings.Contains(text, ":"): // a password may follow: never show it
			return "", &wish{got: "a user with a colon in it", want: want, hint: "the password belongs in password_file"}
		case text == "", strings.TrimSpace(text) != text, hasControl(text):
			return "", &wish{want: want}
		}
		return text, nil
	}}
}

// addressLike is one address of the VIP's family.
func addressLike(vip netip.Addr) kind[netip.Addr] {
	show := func(a netip.Addr) string {
		if !a.IsValid() {
			return ""
		}
		return a.String()
	}
	return kind[netip.Addr]{show: show, parse: func(text string) (netip.Addr, *wish) {
		w := &wish{want: "an IP address of the VIP's family"}
		addr, err := netip.ParseAddr(text)
		if prefix, no := netip.ParsePrefix(text); no == nil {
			w.hint = "write " + prefix.Addr().String()
		}
		switch {
		case err != nil:
		case addr.Zone() != "":
			w.hint = "without a zone"
		case addr.Is4In6():
			w.hint = "write " + addr.Unmap().String()
		case notForVIP(addr) != "":
			w.hint = "this is " + notForVIP(addr)
		case vip.IsValid() && addr.Is4() != vip.Is4():
			w.hint = "the VIP is " + vip.String()
		default:
			return addr, nil
		}
		return netip.Addr{}, w
	}}
}

// endpoint is the URL of an API. Every call carries a secret, so that it is https, or http on a
// loopback address.
func endpoint() kind[string] {
	const want = "a URL such as https://api.example.com/v1"
	return kind[string]{show: asIs, parse: func(text string) (string, *wish) {
		switch { // what may be a secret is never shown
		case strings.Contains(text, "@"):
			return "", &wish{got: "a URL with a user in it", want: want, hint: "the secret has a file of its own"}
		case strings.ContainsAny(text, "?#"):
			return "", &wish{got: "a URL with a query or a fragment", want: want, hint: "without anything after the path"}
		}
		u, err := url.Parse(text)
		switch {
		case err != nil, hasControl(text):
			return "", &wish{want: want}
		case u.Scheme != "http" && u.Scheme != "https":
			return "", &wish{want: want, hint: "it begins with https://"}
		case u.Hostname() == "":
			return "", &wish{want: want, hint: "it has no host"}
		case strings.HasSuffix(u.Host, ":") || u.Port() != "" && !isPort(u.Port()):
			return "", &wish{want: want, hint: "its port is not one"}
		case u.Scheme == "http" && !isLoopback(u.Hostname()):
			return "", &wish{want: want, hint: "http only on a loopback address: the secret would be readable"}
		}
		return strings.TrimRight(text, "/"), nil
	}}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
