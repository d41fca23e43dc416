package patroni

import (
	"cmp"
	"crypto/x509"
	"slices"
	"sync"
)

// presented is what a server presented, and was believed for.
type presented struct {
	addr, name   string // where it was asked, and the name that its certificate has to be for
	local        bool
	chain        []*x509.Certificate // its own first, the CA's last
	misnamed     bool                // it is for another name
	byCommonName bool                // its name is no subjectAltName
}

// shown collects what servers presented in this process.
type shown struct {
	mu    sync.Mutex
	all   []presented
	unfit error // why our own certificate was not presented
}

// add replaces what the same server presented before.
func (s *shown) add(p presented) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(q presented) bool { return q.addr == p.addr })
	s.all = append(s.all, p)
}

// missed keeps why no client certificate is presented, although one is set.
func (s *shown) missed(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unfit = why
}

// list returns what servers presented last, in the order of their addresses, and why our own
// certificate was not.
func (s *shown) list() (all []presented, unfit error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	byAddr := func(a, b presented) int { return cmp.Compare(a.addr, b.addr) }
	return slices.SortedFunc(slices.Values(s.all), byAddr), s.unfit
}
