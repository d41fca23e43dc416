package hetznertest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

// metadataAPI is the metadata service of a world, as one server sees it.
type metadataAPI struct {
	*World
	server int64
}

func (w metadataAPI) handler() http.Handler {
	mux := http.NewServeMux()
	say := func(name string, text func() string) {
		mux.HandleFunc("GET /hetzner/v1/metadata/"+name, w.observe(func(rw http.ResponseWriter, _ *http.Request) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.actions.settle()
			rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
			rw.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(rw, text())
		}))
	}
	say("instance-id", func() string { return fmt.Sprint(w.server) })
	say("hostname", func() string { return w.servers[w.server].name })
	say("public-ipv4", func() string { return w.servers[w.server].ip })
	say("region", func() string { return "eu-central" })
	say("private-networks", func() string { return w.privateNetworks(w.servers[w.server]) })
	return mux
}

func (w metadataAPI) privateNetworks(s *server) string {
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
