package main

import (
	"strings"
	"testing"
	"time"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// TestTimeoutLeavesRoom: the longest wait that config accepts ends before the answer is too old to
// count, with time to decide.
func TestTimeoutLeavesRoom(t *testing.T) {
	longest := policy.EvidenceAge - 100*time.Millisecond
	for timeout, good := range map[time.Duration]bool{longest: true, longest + time.Millisecond: false} {
		_, err := config.Read("vipctl.yml", strings.NewReader("patroni: {config: /p, timeout: "+timeout.String()+"}\nvips: [{address: 192.0.2.10, interface: eth0}]\n"))
		if (err == nil) != good {
			t.Errorf("%v: %v", timeout, err)
		}
	}
}
