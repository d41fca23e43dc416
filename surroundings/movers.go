package surroundings

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/vipctl/vipctl/reconcile"
)

// mover is a process of another program that moves addresses.
type mover struct{ process }

// moverConfigs are the programs that move addresses, with the flags that name their configuration
// and where that is without one. ucarp has its address on its command line; a cluster manager's
// resources, such as IPaddr2, stand in its CIB.
var moverConfigs = map[string]struct {
	flags []string
	file  string
}{
	"keepalived":  {[]string{"-f", "--use-file"}, "/etc/keepalived/keepalived.conf"},
	"vip-manager": {[]string{"-config", "--config"}, "/etc/default/vip-manager.yml"},
	"ucarp":       {},
	"pacemakerd":  {file: "/var/lib/pacemaker/cib/cib.xml"},
	"vrrpd":       {},
	"uvrrpd":      {},
	"wackamole":   {file: "/etc/wackamole.conf"},
}

// movers lists those that run here, one process of each program.
func movers() (all []mover) {
	running := runningNamed(func(name string) bool { _, known := moverConfigs[name]; return known })
	for _, p := range running {
		if !slices.ContainsFunc(all, func(m mover) bool { return m.name == p.name }) {
			all = append(all, mover{p})
		}
	}
	return all
}

// MoverNames are the other programs that run here and move addresses, for people: "keepalived (pid
// 42)". They need not know of a VIP.
func MoverNames() []string {
	var names []string
	for _, m := range movers() {
		names = append(names, m.String())
	}
	return names
}

// findMovers finds other programs that may move a VIP. One that certainly has other addresses only
// is left alone.
func findMovers(found *reconcile.Findings, s *inspection) {
	for _, m := range movers() {
		for _, v := range s.VIPs {
			switch where, sure := m.names(v.Addr); {
			case where != "":
				found.Add(reconcile.Warning, "%s: %s runs here too, and %s names the VIP: two movers of one address take it from each other; stop the other one, "+
					"or take the address out of its configuration", v.Name, m, where)
			case !sure:
				found.Add(reconcile.Warning, "%s: %s runs here, and its whole configuration cannot be read by this user: see that the VIP is not in it, "+
					"for two movers of one address take it from each other", v.Name, m)
			}
		}
	}
}

// names says where a mover's command line or configuration names an address, and whether it could
// be seen that none does.
func (m mover) names(a netip.Addr) (where string, sure bool) {
	line := m.arguments()
	if mentions(strings.Join(line, " "), a) {
		return "its command line", true
	}
	c := moverConfigs[m.name]
	file := flagOf(line, c.flags...)
	if file == "" {
		file = c.file
	}
	if file == "" {
		return "", len(line) > 0
	}
	text, err := readText(file)
	if err != nil {
		return "", false
	}
	said := comment.ReplaceAllString(text, "")
	if mentions(said, a) {
		return file, true
	}
	return "", !strings.Contains(said, "include")
}

// comment is one in a configuration of keepalived's, or in YAML.
var comment = regexp.MustCompile(`(?m)#.*$|^\s*!.*$`)

// mentions reports whether an address stands in a text, with or without a prefix length.
func mentions(text string, a netip.Addr) bool {
	between := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != ':' }
	return slices.ContainsFunc(strings.FieldsFunc(text, between), func(word string) bool {
		ip, err := netip.ParseAddr(strings.Trim(word, ":."))
		if err != nil {
			ip, err = netip.ParseAddr(word) // which begins or ends with ::
		}
		return err == nil && ip.Unmap() == a
	})
}
