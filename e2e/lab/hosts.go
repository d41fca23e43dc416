package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// connect makes the switch, the nodes and the clients.
func (l *Lab) connect() (err error) {
	if err := l.makeSwitch(); err != nil {
		return err
	}
	for i := range l.opts.Nodes {
		name := fmt.Sprintf("n%d", i+1)
		l.Nodes = append(l.Nodes, &Node{Name: name, Addr: fmt.Sprintf(inside, 11+i), Dir: l.path(name), lab: l})
	}
	for _, n := range l.Nodes {
		if n.NS, err = l.plug(l.sw, n.Name, n.Addr); err != nil {
			return err
		}
		if err := l.furnish(n); err != nil {
			return err
		}
	}
	if l.opts.Hetzner != "" {
		if err := l.makeRouter(); err != nil {
			return err
		}
	}
	if err := l.plugClients(); err != nil {
		return err
	}
	if l.opts.Hetzner != "" {
		if err := l.foundHetzner(); err != nil {
			return err
		}
	}
	return l.startWatch()
}

// plugClients joins the clients to the nodes' switch, or to the router.
func (l *Lab) plugClients() (err error) {
	sw, subnet := l.sw, inside
	if l.router != nil {
		sw, subnet = l.router, outside
	}
	if l.Client, err = l.plug(sw, "client", fmt.Sprintf(subnet, 201)); err != nil {
		return err
	}
	if l.Flush, err = l.plug(sw, "flush", fmt.Sprintf(subnet, 202)); err != nil || l.router == nil {
		return err
	}
	return l.routeThrough()
}

// furnish makes a node's folders and configuration. What postgres must not change is root's.
func (l *Lab) furnish(n *Node) error {
	for _, dir := range []string{n.path("data"), n.path("state"), l.path("mem", n.Name)} {
		if err := l.postgresDir(dir); err != nil {
			return err
		}
	}
	if err := os.Mkdir(n.path("run"), 0o755); err != nil {
		return err
	}
	if err := l.tmpfs(n.path("run"), "16m"); err != nil {
		return err
	}
	return errors.Join(n.writePatroniYAML(), n.writeVipctlYAML(), n.writeSecret())
}

func (l *Lab) postgresDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chown(dir, int(l.postgres.Uid), int(l.postgres.Gid))
}
