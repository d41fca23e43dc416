package lab

import (
	"fmt"
	"net"
	"net/http"
)

// endpoint is an HTTP server at an address inside a namespace. This process serves it, so that it
// is nobody's whom the lab kills or freezes.
type endpoint struct {
	ns      *Namespace
	address string
	handler http.Handler
	server  *http.Server // nil while it is down
}

// up has the endpoint answer, unless it does.
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

// down cuts the endpoint's connections and has new ones refused. What was asked of it goes on
// unheard.
func (e *endpoint) down() {
	if e.server != nil {
		_ = e.server.Close()
		e.server = nil
	}
}
