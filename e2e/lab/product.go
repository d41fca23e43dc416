package lab

import (
	"fmt"
	"os"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// Product is a kind of address that Hetzner sells, and that a VIP can be.
type Product string

const (
	FloatingIP Product = "floating IP" // of the Cloud
	AliasIP    Product = "alias IP"    // in a private network of the Cloud
	FailoverIP Product = "failover IP" // of dedicated servers
)

// address is the VIP where it is that product. None is in the nodes' own subnet: nobody asks his neighbours for it.
func (p Product) address() string {
	switch p {
	case FloatingIP:
		return "203.0.113.100"
	case AliasIP:
		return "10.77.1.100"
	case FailoverIP:
		return "198.51.100.100"
	}
	return switchedVIP
}

// routeYAML is the VIP's route in the node's vipctl.yml, "" where the lab has no provider.
func (n *Node) routeYAML() string {
	const cloud = "    route: {hetzner_cloud: {%s, token_file: %s, endpoint: \"http://%s\"}}\n"
	secret := n.path("secret")
	switch n.lab.opts.Hetzner {
	case FloatingIP:
		return fmt.Sprintf(cloud, "floating_ip: "+floatingName, secret, apiAddress)
	case AliasIP:
		return fmt.Sprintf(cloud, "alias_ip: true, network: "+networkName, secret, apiAddress)
	case FailoverIP:
		return fmt.Sprintf("    route: {hetzner_robot: {user: %q, password_file: %s, server_ip: %s, endpoint: \"http://%s\"}}\n",
			hetznertest.User, secret, n.Addr, apiAddress)
	}
	return ""
}

// writeSecret writes the file that [Node.routeYAML] names: root's, and for postgres to read.
func (n *Node) writeSecret() error {
	text := map[Product]string{FloatingIP: hetznertest.Token, AliasIP: hetznertest.Token, FailoverIP: hetznertest.Password}[n.lab.opts.Hetzner]
	if text == "" {
		return nil
	}
	if err := os.WriteFile(n.path("secret"), []byte(text+"\n"), 0o640); err != nil {
		return err
	}
	return os.Chown(n.path("secret"), 0, int(n.lab.postgres.Gid))
}
