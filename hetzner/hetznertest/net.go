package hetznertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// Net is a network of pipes: its connections run on the fake clock of testing/synctest, which real
// sockets do not.
type Net struct {
	mu    sync.Mutex
	hosts map[string]*host
	open  []net.Conn // the far ends
	state state
}

// state is what becomes of new connections.
type state int

const (
	up   state = iota
	down       // refused
	lost       // never answered
)

type host struct {
	server *http.Server
	conns  chan net.Conn
	gone   chan struct{}
	once   sync.Once
}

// NewNet returns a network without hosts.
func NewNet() *Net { return &Net{hosts: map[string]*host{}} }

// Serve puts a server at an address, "127.0.0.1:80" for example. It runs until Close.
func (n *Net) Serve(address string, h http.Handler) {
	at := &host{conns: make(chan net.Conn), gone: make(chan struct{}), server: &http.Server{Handler: h}}
	n.mu.Lock()
	n.hosts[address] = at
	n.mu.Unlock()
	go func() { _ = at.server.Serve(listener{at}) }()
}

// Down cuts all connections and has new ones refused, until Up.
func (n *Net) Down() { n.cut(down) }

// Lose cuts all connections and leaves new ones without an answer, until Up. Those that wait by
// then wait on.
func (n *Net) Lose() { n.cut(lost) }

func (n *Net) cut(s state) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state = s
	for _, c := range n.open {
		_ = c.Close()
	}
	n.open = nil
}

// Up ends Down and Lose.
func (n *Net) Up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state = up
}

// Close cuts all connections.
func (n *Net) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range n.hosts {
		_ = h.server.Close()
	}
}

// Dial connects, like the function of that name in package net.
func (n *Net) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	h, s := n.hosts[address], n.state
	n.mu.Unlock()
	switch {
	case s == lost:
		<-ctx.Done()
		return nil, ctx.Err()
	case h == nil || s == down:
		return nil, &net.OpError{Op: "dial", Net: network, Err: fmt.Errorf("%s: %w", address, syscall.ECONNREFUSED)}
	}
	near, far := net.Pipe()
	select {
	case h.conns <- far:
		n.mu.Lock()
		n.open = append(n.open, far)
		n.mu.Unlock()
		return near, nil
	case <-h.gone:
		return nil, errors.New("the network is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type listener struct{ *host }

func (l listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.gone:
		return nil, net.ErrClosed
	}
}

func (l listener) Close() error {
	l.once.Do(func() { close(l.gone) })
	return nil
}

func (l listener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
