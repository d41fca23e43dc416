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

// What the products are called, and where every node reaches Hetzner's API: in its own namespace.
const (
	networkName  = "lab-net"
	floatingName = "lab-vip"
	apiAddress   = "127.0.0.1:8780"
)

// address is the VIP where it is that product, or where it is none. No product is in the nodes' own
// subnet: there a neighbour would ask for it.
func (p Product) address() string {
	switch p {
	case FloatingIP:
		return "203.0.113.100"
	case AliasIP:
		return "10.77.1.100"
	case FailoverIP:
		return "198.51.100.100"
	}
	return "10.77.0.100"
}

// routeYAML is the VIP's route in the host's vipctl.yml, "" for no product.
func (p Product) routeYAML(h *Host) string {
	const cloud = "    route: {hetzner_cloud: {%s, token_file: %s, endpoint: \"http://%s\"}}\n"
	secret := secretFile(h)
	switch p {
	case FloatingIP:
		return fmt.Sprintf(cloud, "floating_ip: "+floatingName, secret, apiAddress)
	case AliasIP:
		return fmt.Sprintf(cloud, "alias_ip: true, network: "+networkName, secret, apiAddress)
	case FailoverIP:
		return fmt.Sprintf("    route: {hetzner_robot: {user: %q, password_file: %s, server_ip: %s, endpoint: \"http://%s\"}}\n",
			hetznertest.User, secret, h.Addr, apiAddress)
	}
	return ""
}

func secretFile(h *Host) string { return h.path("secret") }

// writeSecret writes the file that [Product.routeYAML] names: root's, and for postgres to read.
func (p Product) writeSecret(h *Host) error {
	text := map[Product]string{
		FloatingIP: hetznertest.Token, AliasIP: hetznertest.Token, FailoverIP: hetznertest.Password,
	}[p]
	if text == "" {
		return nil
	}
	if err := os.WriteFile(secretFile(h), []byte(text+"\n"), 0o640); err != nil {
		return err
	}
	return os.Chown(secretFile(h), 0, int(h.postgres.Gid))
}
