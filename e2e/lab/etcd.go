package lab

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// startEtcd starts the node's etcd. Its data is in memory: a slow disk must not look like a fault of the DCS.
func (n *Node) startEtcd() (err error) {
	if n.etcd.running() {
		return nil
	}
	var cluster []string
	for _, o := range n.lab.Nodes {
		cluster = append(cluster, fmt.Sprintf("%s=http://%s:2380", o.Name, o.Addr))
	}
	client, peer := "http://"+n.Addr+":2379", "http://"+n.Addr+":2380"
	n.etcd, err = n.serve("etcd", "/usr/bin/etcd", "--name", n.Name, "--data-dir", n.lab.path("mem", n.Name, "etcd"),
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--listen-client-urls", client+",http://127.0.0.1:2379", "--advertise-client-urls", client,
		"--initial-cluster", strings.Join(cluster, ","), "--initial-cluster-state", "new",
		"--heartbeat-interval", "100", "--election-timeout", "1000", fmt.Sprintf("--enable-v2=%t", n.lab.opts.EtcdV2))
	return err
}

// etcdReady says why the node's etcd cannot be written to, or returns nil.
func (n *Node) etcdReady(ctx context.Context) error {
	code, body, err := n.http(ctx, http.MethodGet, 2379, "/health", "")
	if err == nil && (code != http.StatusOK || !strings.Contains(body, `"true"`)) {
		err = fmt.Errorf("etcd on %s: %s", n.Name, strings.TrimSpace(body))
	}
	return err
}
