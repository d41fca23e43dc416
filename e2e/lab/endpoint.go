package lab

import (
	"fmt"
	"net"
	"net/http"
)

// endpoint is an HTTP server at an address inside a namespace. This process serves it: the lab
// kills and freezes no process that serves one.
type endpoint struct {
	ns      *Namespace
	address string
	handler http.Handler
	server  *http.Server // nil while it is down
}

// up starts the server, unless it runs.
func (e *endpoint) up() error {
	if e.server != nil {
		return nil
	}
	var l net.Listener
	err := e.ns.Do(func() (err error) {
		l, err = net.Listen("tcp", e.address)
		return err
	})
	if err != nil {
		return fmt.Errorf("serve in %s: %w", e.ns.Name, err)
	}
	s := &http.Server{Handler: e.handler}
	e.server = s
	go func() { _ = s.Serve(l) }()
	return nil
}

// down cuts the endpoint's connections and has new ones refused. A request that it was serving goes
// on, and its reply is lost.
func (e *endpoint) down() {
	if e.server != nil {
		_ = e.server.Close()
		e.server = nil
	}
}
