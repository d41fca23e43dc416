package lab

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// Etcd is a node's etcd. Its methods must not be called concurrently.
type Etcd struct {
	host    *Host
	members []*Host // that have one, this host among them
	dir     string  // in memory: a slow disk must not look like a fault of the DCS
	v2      bool    // it speaks the API of version 2 too

	service *service
}

// Start starts the etcd with the data that it has, unless it runs already.
func (e *Etcd) Start() (err error) {
	if e.service.running() {
		return nil
	}
	var cluster []string
	for _, m := range e.members {
		cluster = append(cluster, fmt.Sprintf("%s=http://%s:2380", m.Name, m.Addr))
	}
	client, peer := "http://"+e.host.Addr+":2379", "http://"+e.host.Addr+":2380"
	e.service, err = e.host.serve("etcd", "/usr/bin/etcd", "--name", e.host.Name, "--data-dir", e.dir,
		"--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
		"--listen-client-urls", client+",http://127.0.0.1:2379", "--advertise-client-urls", client,
		"--initial-cluster", strings.Join(cluster, ","), "--initial-cluster-state", "new",
		"--heartbeat-interval", "100", "--election-timeout", "1000", fmt.Sprintf("--enable-v2=%t", e.v2))
	return err
}

// Kill ends the etcd with SIGKILL, and returns when it has ended. Its data stays.
func (e *Etcd) Kill() { e.service.kill() }

// ready says why the etcd cannot be written to, or returns nil.
func (e *Etcd) ready(ctx context.Context) error {
	code, body, err := e.host.http(ctx, http.MethodGet, 2379, "/health", "")
	if err == nil && (code != http.StatusOK || !strings.Contains(body, `"true"`)) {
		err = fmt.Errorf("etcd on %s: %s", e.host.Name, strings.TrimSpace(body))
	}
	return err
}
