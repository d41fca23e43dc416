package surroundings

import (
	"context"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/trust"
)

// questionTime is how long one question to Patroni may take.
const questionTime = 500 * time.Millisecond

// inspection is one look at a host, with what several checks need.
type inspection struct {
	*Host
	ctx     context.Context
	program trust.Program // this one

	addresses   map[string]policy.AddressState // where each VIP's is, by the VIP's name
	running     process                        // the Patroni that runs here by our patroni.yml; zero where none was found
	callbacksBy trust.Credentials              // what callbacks have: Patroni's, or else its user's
}

// newInspection asks the kernel where the addresses are. Nothing later uses an Address: the engine
// does, also while an inspection that hangs goes on.
func newInspection(ctx context.Context, h *Host) *inspection {
	s := &inspection{Host: h, ctx: ctx, addresses: map[string]policy.AddressState{}}
	for _, v := range h.VIPs {
		s.addresses[v.Name], _ = v.Address.State()
	}
	return s
}

// prepare finds the program, and who runs the callbacks: Patroni, whom the owner of PostgreSQL's
// data directory is where none is found.
func (s *inspection) prepare() {
	s.program = trust.ThisProgram()
	var known bool
	if s.running, s.callbacksBy, known = findPatroni(s.Host); known {
		return
	}
	var data unix.Stat_t
	if unix.Stat(s.Patroni.DataDir(), &data) == nil {
		s.callbacksBy = trust.UserCredentials(data.Uid, data.Gid)
		return
	}
	s.callbacksBy = trust.UserCredentials(uint32(os.Geteuid()), uint32(os.Getegid()))
}

// callbacksUser reports whether this process runs as the callbacks' user.
func (s *inspection) callbacksUser() bool { return s.callbacksBy.UID == uint32(os.Geteuid()) }

// question is the context of one question to Patroni.
func (s *inspection) question() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, questionTime)
}

// resolve looks a host's name up, within the inspection's time.
func (s *inspection) resolve(host string) []netip.Addr {
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	ctx, cancel := s.question()
	defer cancel()
	addrs, _ := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	return addrs
}
