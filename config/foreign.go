package config

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// vipManagerKeys are those of vip-manager 1 to 4, and what they were called before 1.0. interval, which is vipctl's too, is left
// out.
var vipManagerKeys = []string{
	"ip", "netmask", "interface", "trigger-key", "trigger-value", "dcs-type", "dcs-endpoints", "hosting-type", "manager-type",
	"etcd-user", "etcd-password", "etcd-ca-file", "etcd-cert-file", "etcd-key-file", "consul-token", "retry-num", "retry-after", "verbose",
	"mask", "iface", "key", "nodename", "host", "endpoint", "endpoints", "endpoint_type", "hosting_type", "type",
	"etcd_user", "etcd_password", "etcd_ca_file", "etcd_cert_file", "etcd_key_file", "consul_token", "retry_num", "retry_after",
}

// vipManager reports a file of vip-manager's as what it is, in one problem instead of one a key.
func (r *reader) vipManager(root *yaml.Node) bool {
	var first *yaml.Node
	theirs := 0
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch key := root.Content[i]; {
		case key.Value == "patroni", key.Value == "vips":
			return false
		case slices.Contains(vipManagerKeys, key.Value):
			if theirs++; first == nil {
				first = key
			}
		}
	}
	if theirs < 2 {
		return false
	}
	r.complain(first, "", "a configuration of vip-manager", "one of vipctl", "ip, netmask and interface go under vips:, as "+
		"- {address: IP/NETMASK, interface: LINK}; trigger-key and trigger-value are read from the file that patroni.config names; "+
		"hosting-type: hetzner is a route: of the VIP; the settings of etcd and Consul are not needed")
	return true
}

// keepalived reports a keepalived.conf as what it is: it is no YAML.
func (r *reader) keepalived(data []byte) bool {
	at := regexp.MustCompile(`(?m)^[ \t]*vrrp_instance[ \t]+\S+[ \t]*\{`).FindIndex(data)
	if at == nil {
		return false
	}
	r.add(Problem{Line: lineOf(data, at[0]), Got: "a keepalived.conf", Want: "a vipctl.yml", Hint: "the addresses in virtual_ipaddress and " +
		"interface go under vips:, as - {address: ADDRESS, interface: LINK}; state and priority are Patroni's to say, whose file patroni.config names"})
	return true
}
