package oracle

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"testing"
	"time"

	"github.com/vipctl/vipctl/hetzner"
	"github.com/vipctl/vipctl/hetzner/hetznertest"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	fip      = 7
	us, them = 41, 42
	network  = 4711
)

// world is the fake on real sockets: two servers, a floating IP among sixty others, a network, a
// failover IP.
type world struct {
	*hetznertest.World
	cloud, robot string
}

func newWorld(t *testing.T) world {
	w := world{World: hetznertest.New()}
	w.Pace(time.Millisecond, 150*time.Millisecond, 200*time.Millisecond)
	w.AddNetwork(network, "pg-net", "10.0.1.0/24")
	w.AddServer(us, "pg1", "192.0.2.1", network, "10.0.1.2")
	w.AddServer(them, "pg2", "192.0.2.2", network, "10.0.1.3")
	w.AddFloatingIP(fip, "pg-vip", "203.0.113.5")
	for i := range int64(60) {
		w.AddFloatingIP(100+i, fmt.Sprintf("other-%d", i), fmt.Sprintf("203.0.114.%d", i))
	}
	w.AddFailover("198.51.100.7", "255.255.255.255", "192.0.2.2", "192.0.2.1")
	w.Assign(fip, them)
	cloud := httptest.NewServer(http.StripPrefix("/v1", w.Cloud()))
	robot := httptest.NewServer(w.Robot())
	t.Cleanup(cloud.Close)
	t.Cleanup(robot.Close)
	w.cloud, w.robot = cloud.URL+"/v1", robot.URL
	return w
}

func boot() policy.Moment { return policy.SinceBoot(time.Duration(time.Now().UnixNano())) }

func (w world) client(t *testing.T) *hetzner.Cloud {
	t.Helper()
	c, err := hetzner.NewCloud(hetzner.Access{Endpoint: w.cloud, UserAgent: "oracle", Now: boot}, hetzner.NewSecret(hetznertest.Token))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w world) floatingIP(t *testing.T) *hetzner.FloatingIP {
	t.Helper()
	return hetzner.NewFloatingIP(w.client(t), nil, hetzner.FloatingIPOptions{
		Address: netip.MustParseAddr("203.0.113.5"), FloatingIP: "pg-vip", Server: us,
	})
}

func (w world) aliasIP(t *testing.T) *hetzner.AliasIP {
	t.Helper()
	return hetzner.NewAliasIP(w.client(t), nil, hetzner.AliasIPOptions{
		Address: netip.MustParseAddr("10.0.1.100"), Network: "pg-net", Server: us,
	})
}

// run runs a foreign client and returns what it prints.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v; run e2e/oracle/deps.sh", err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		var stderr []byte
		if e, ok := err.(*exec.ExitError); ok {
			stderr = e.Stderr
		}
		t.Fatalf("%s %q: %v\n%s%s", name, args, err, out, stderr)
	}
	return string(out)
}
