package config

import (
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// vipManagerKeys are those of vip-manager 1 to 4, and what they were called before 1.0. interval is
// not among them: it is vipctl's too.
var vipManagerKeys = []string{
	"ip", "netmask", "interface", "trigger-key", "trigger-value", "dcs-type", "dcs-endpoints", "hosting-type", "manager-type",
	"etcd-user", "etcd-password", "etcd-ca-file", "etcd-cert-file", "etcd-key-file", "consul-token", "retry-num", "retry-after", "verbose",
	"mask", "iface", "key", "nodename", "host", "endpoint", "endpoints", "endpoint_type", "hosting_type", "type",
	"etcd_user", "etcd_password", "etcd_ca_file", "etcd_cert_file", "etcd_key_file", "consul_token", "retry_num", "retry_after",
}

// vipManager is the one problem of a configuration of vip-manager's, nil for any other file.
// Without it there would be a problem for each key.
func vipManager(root *yaml.Node) *Problem {
	var first *yaml.Node
	theirs := 0
	for i := 0; i+1 < len(root.Content); i += 2 {
		switch key := root.Content[i]; {
		case key.Value == "patroni", key.Value == "vips":
			return nil
		case slices.Contains(vipManagerKeys, key.Value):
			if theirs++; first == nil {
				first = key
			}
		}
	}
	if theirs < 2 {
		return nil
	}
	return &Problem{
		Line: first.Line, Column: first.Column, Got: "a configuration of vip-manager", Want: "one of vipctl", Hint: "ip, netmask and interface go under vips:, as " +
			"- {address: IP/NETMASK, interface: LINK}; trigger-key and trigger-value are read from the file that patroni.config names; " +
			"hosting-type: hetzner is a route: of the VIP; the settings of etcd and Consul are not needed",
	}
}

// keepalived is the problem of a keepalived.conf, nil for any other file. The YAML decoder finds no
// error in it: it takes the file for one long text.
func keepalived(data []byte) *Problem {
	at := regexp.MustCompile(`(?m)^[ \t]*vrrp_instance[ \t]+\S+[ \t]*\{`).FindIndex(data)
	if at == nil {
		return nil
	}
	return &Problem{Line: lineOf(data, at[0]), Got: "a keepalived.conf", Want: "a vipctl.yml", Hint: "the addresses in virtual_ipaddress and " +
		"interface go under vips:, as - {address: ADDRESS, interface: LINK}; state and priority are Patroni's to say, whose file patroni.config names"}
}
