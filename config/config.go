package config

import (
	"net/netip"
	"time"
)

// Config is a vipctl.yml without a mistake. Settings that the file leaves out have their defaults.
// Nothing changes it any more, so that it may be read concurrently.
type Config struct {
	Patroni  Patroni
	VIPs     []VIP         // at least one, in the file's order; no two share an address or a name
	Interval time.Duration // how often the timer runs vipctl reconcile: from 500 ms to 30 s
	Announce Announce
	Paths    Paths
	History  History
	Log      Log

	settings []Setting
}

// Patroni says where the local Patroni is asked. URL, the CA and the certificate override what the
// file Config says. Every path is absolute. An optional one that is not given is empty.
type Patroni struct {
	Config          string // patroni.yml, or a folder of such files; empty only where EnvironmentFile, or Scope, Name and URL say all
	URL             string // of the REST API, scheme and host only, for example "https://10.0.0.1:8008"
	CAFile          string
	CertFile        string // CertFile and KeyFile are set both or not at all
	KeyFile         string
	EnvironmentFile string
	Scope           string        // the cluster's name, for where nothing else that vipctl can read says it; given besides, it is the same
	Name            string        // this member's, likewise
	Timeout         time.Duration // of one question, from 100 ms to 1.9 s
}

// VIP is one managed address.
type VIP struct {
	Name      string        // names files: no slash, never "." or ".."
	Prefix    netip.Prefix  // the address and its prefix length, not masked
	Interface string        // a link's name or alternative name, or its MAC in lower case with colons
	Follow    string        // "primary", "leader" or "standby_leader"
	Lease     bool          // false: the address has no end in the kernel
	HandOver  time.Duration // how long at most the address waits for its successor, up to 30 s; 0: not at all
	Route     *Route        // nil: the link alone
}

// Route says which provider's API points its network at the holder of a VIP. Exactly one field is
// set.
type Route struct {
	HetznerCloud *HetznerCloud
	HetznerRobot *HetznerRobot
}

// Kind names the kind of a route in machine output: "floating_ip", "alias_ip" or "failover_ip". It
// is empty for a nil route.
func (r *Route) Kind() string {
	switch {
	case r == nil:
		return ""
	case r.HetznerRobot != nil:
		return "failover_ip"
	case r.HetznerCloud.AliasIP:
		return "alias_ip"
	}
	return "floating_ip"
}

// SecretFile is the file with the route's secret, empty where the configuration names none. A nil
// route has none.
func (r *Route) SecretFile() string {
	switch {
	case r == nil:
		return ""
	case r.HetznerRobot != nil:
		return r.HetznerRobot.PasswordFile
	}
	return r.HetznerCloud.TokenFile
}

// Static reports whether others put the address on every node's link, and the route alone moves. A
// nil route is not.
func (r *Route) Static() bool { return r != nil && r.HetznerCloud != nil && r.HetznerCloud.Static }

// HetznerCloud is a route through Hetzner's Cloud API: a floating IP, or an alias IP of a private
// network.
type HetznerCloud struct {
	FloatingIP string // its id, name or address, by default the VIP's; empty with AliasIP
	AliasIP    bool
	Network    string // of the alias IP: its id or name
	Server     int64  // this server's id; 0 asks the metadata service
	TokenFile  string // absolute; empty: the systemd credential hcloud.token, else $HCLOUD_TOKEN
	Endpoint   string // empty: Hetzner's own
	Static     bool   // address: static, the address is on every node's link all the time
}

// HetznerRobot is a route through Hetzner's Robot webservice: a failover IP, or a failover IPv6
// subnet.
type HetznerRobot struct {
	User         string
	PasswordFile string     // absolute; empty: the systemd credential robot.password, else $ROBOT_PASSWORD
	ServerIP     netip.Addr // this server's main address, of the VIP's family
	FailoverIP   netip.Addr // by default the VIP, or for IPv6 the first address of its /64
	Endpoint     string     // empty: Hetzner's own
}

// Announce says how the hosts on the link are told of an address.
type Announce struct {
	Refresh time.Duration // how often an address that stays is announced again: from 1 s to 1 h
}

// Paths are vipctl's own folders, absolute and different.
type Paths struct {
	Run   string // notes, which must not outlive a boot
	State string // the history
}

// History says how much is kept.
type History struct {
	Keep int // transitions, at least one
}

// Log says what is logged, and how.
type Log struct {
	Level  string // one of [LogLevels]
	Format string // one of [LogFormats]
}

// Setting is one effective value and where it came from.
type Setting struct {
	Name   string // as in the file: "patroni.timeout", "vips[0].address"
	Value  string // as it would be written in the file; empty where nothing is set
	Source string // file and line, "vipctl.yml:7", or "default"
}

// Settings lists every effective setting, those of each VIP included, in the order of the
// documentation. The caller must not change the list.
func (c *Config) Settings() []Setting { return c.settings }

// LogLevels lists the values of log.level, which --log-level takes too.
func LogLevels() []string { return []string{"debug", "info", "warning", "error"} }

// LogFormats lists the values of log.format, which --log-format takes too.
func LogFormats() []string { return []string{"auto", "text", "json", "journal"} }
