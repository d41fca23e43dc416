package surroundings

import (
	"os"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

// findPowers finds where this program may do too little, or too many may run it.
func findPowers(found *reconcile.Findings, s *inspection) {
	if err := s.program.CheckUsers(s.Patroni.DataDir()); err != nil {
		found.Add(reconcile.Warning, "%v", err)
	}
	if findWeakness(found, s) || os.Geteuid() == 0 {
		return
	}
	if !trust.CanMoveAddresses() {
		found.Add(reconcile.Warning, "this user cannot move addresses: CAP_NET_ADMIN and CAP_NET_RAW are not both effective; run as root: %s",
			s.program.SetcapCommand())
	}
}

// findWeakness finds where callbacks could not move addresses, or not even start this program, and
// reports whether it has found that. Callbacks run with what Patroni has, and what the file gives
// them. Where no Patroni runs, its unit may yet give them the capabilities. Only root is told then:
// every other user is told of that user's own powers.
func findWeakness(found *reconcile.Findings, s *inspection) bool {
	why := s.program.WhyPowerless(s.callbacksBy)
	if why == "" {
		return false
	}
	if s.running.pid == 0 {
		if os.Geteuid() == 0 {
			found.Add(reconcile.Warning, "callbacks, which run as %s, cannot move addresses unless Patroni's unit gives them the capabilities: %s",
				trust.UserName(s.callbacksBy.UID), why)
		}
		return os.Geteuid() == 0
	}
	found.Add(reconcile.Problem, "callbacks, which Patroni (pid %d) runs as %s, cannot move addresses: %s", s.running.pid, trust.UserName(s.callbacksBy.UID), why)
	return true
}
