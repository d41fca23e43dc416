package e2e

import (
	"slices"
	"testing"
	"time"
)

// A cluster that becomes the standby of another has a leader, and no primary: a VIP that follows
// the primary goes, and comes back with the cluster's promotion.
func TestStandbyCluster(t *testing.T) {
	ctx, l := cluster(t)
	defer settle(t, ctx, l)
	leader, _ := leaderAndOther(t, ctx, l)

	began := time.Now()
	must(t, l.Cluster.Configure(ctx, `{"standby_cluster": {"host": "192.0.2.1", "port": 5432}}`))
	defer func() { must(t, l.Cluster.Configure(ctx, `{"standby_cluster": null}`)) }()
	eventually(t, time.Minute, "the cluster has a standby leader, and the VIP is nowhere", func() bool {
		m, err := leader.REST.Member(ctx)
		if err != nil || !m.Leads || m.Role != "standby_leader" {
			return false
		}
		holders, err := l.Holders.Now()
		must(t, err)
		return len(holders) == 0
	})
	explained(t, leader, began, []string{"release", "hand_over"}, append([]string{"not_followed"}, releaseCodes...))

	began = time.Now()
	must(t, l.Cluster.Configure(ctx, `{"standby_cluster": null}`))
	eventually(t, time.Minute, "the primary has the VIP", func() bool {
		m, err := leader.REST.Member(ctx)
		if err != nil || !m.Leads || m.Role != "master" && m.Role != "primary" {
			return false
		}
		holders, err := l.Holders.Now()
		must(t, err)
		return slices.Equal(holders, []string{leader.Name})
	})
	explained(t, leader, began, []string{"claim"}, claimCodes)
}
