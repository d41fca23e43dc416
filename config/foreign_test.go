package config

import (
	"strings"
	"testing"
)

// TestForeignFiles: another mover's configuration is called by its name, once.
func TestForeignFiles(t *testing.T) {
	const vipManager = "got a configuration of vip-manager, want one of vipctl (ip, netmask and interface go under vips:, as " +
		"- {address: IP/NETMASK, interface: LINK}; "
	for text, want := range map[string]string{
		"# config for vip-manager\ninterval: 1000\ntrigger-key: \"/service/pgcluster/leader\"\ntrigger-value: \"pg1\"\nip: 192.168.0.123\nnetmask: 24\n" +
			"interface: enp0s3\nhosting-type: basic\ndcs-type: etcd\ndcs-endpoints:\n  - http://127.0.0.1:2379\netcd-user: u\n": "vipctl.yml:3: " + vipManager,
		"interval: 1000\nkey: /service/x/leader\nnodename: n1\nip: 192.0.2.1\nmask: 24\niface: eth0\nendpoint_type: etcd\n": "vipctl.yml:2: " + vipManager,
		"! Configuration File for keepalived\n\nglobal_defs {\n  router_id x\n}\nvrrp_instance VI_1 {\n    state MASTER\n    interface eth0\n" +
			"    virtual_ipaddress {\n        192.0.2.10/24\n    }\n}\n": "vipctl.yml:6: got a keepalived.conf, want a vipctl.yml (the addresses in virtual_ipaddress and interface go under vips:",
		"vrrp_instance VI_1 {\n}\n": "vipctl.yml:1: got a keepalived.conf, ",
	} {
		if got := problems(t, text); !strings.HasPrefix(got, want) || strings.Contains(got, "\n") {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
	if got := problems(t, minimal+"interface: eth0\nip: 192.0.2.1\n"); strings.Contains(got, "vip-manager") {
		t.Errorf("a vipctl.yml with two keys too many: %s", got)
	}
}

// TestWithoutPatroniYML: a Patroni that is configured by its environment has no file.
func TestWithoutPatroniYML(t *testing.T) {
	const vips = "vips: [{address: 192.0.2.10, interface: eth0}]\n"
	for _, text := range []string{"{environment_file: /etc/default/patroni}", "{url: 'http://127.0.0.1:8008', scope: demo, name: n1}"} {
		if c := load(t, "patroni: "+text+"\n"+vips); c.Patroni.Config != "" {
			t.Errorf("%+v", c.Patroni)
		}
	}
	for _, text := range []string{"{scope: demo, name: n1}", "{url: 'http://127.0.0.1:8008', scope: demo}"} {
		if got := problems(t, "patroni: "+text+"\n"+vips); !strings.HasPrefix(got, "vipctl.yml:1: patroni.config: got nothing") {
			t.Errorf("%s: %s", text, got)
		}
	}
	if got := problems(t, "patroni: {config: /p, scope: ''}\n"+vips); got != `vipctl.yml:1: patroni.scope: got "", want the name as patroni.yml would have it` {
		t.Error(got)
	}
}
