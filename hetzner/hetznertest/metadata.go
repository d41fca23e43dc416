package hetznertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Metadata is the metadata service as the given server sees it, below /hetzner/v1/metadata.
func (w *World) Metadata(server int64) http.Handler {
	mux := http.NewServeMux()
	say := func(name string, text func() string) {
		mux.HandleFunc("GET /hetzner/v1/metadata/"+name, w.observe(func(rw http.ResponseWriter, _ *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.settle()
			rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
			rw.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(rw, text())
		}))
	}
	say("instance-id", func() string { return fmt.Sprint(server) })
	say("hostname", func() string { return w.servers[server].name })
	say("public-ipv4", func() string { return w.servers[server].ip })
	say("region", func() string { return "eu-central" })
	say("private-networks", func() string { return w.privateNetworks(w.servers[server]) })
	return mux
}

func (w *World) privateNetworks(s *server) string {
	n := w.networks[s.network]
	if n == nil {
		return ""
	}
	aliases := "[]"
	if len(s.aliases) > 0 {
		aliases = "[" + strings.Join(s.aliases, ", ") + "]"
	}
	return fmt.Sprintf("- ip: %s\n  alias_ips: %s\n  interface_num: 1\n  mac_address: %s\n  network_id: %d\n  network_name: %s\n"+
		"  network: %s\n  subnet: %s\n  gateway: 10.0.0.1\n", s.private, aliases, mac(s.id), n.id, n.name, n.ipRange, n.ipRange)
}
