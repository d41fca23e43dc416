package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// REST is the REST API of a node's Patroni, asked from the node itself. Its methods may be called
// concurrently.
type REST struct {
	host     *Host
	loopWait int
}

// Member is what a node's Patroni says of itself.
type Member struct {
	Leads    bool   `json:"-"`
	State    string `json:"state"`
	Role     string `json:"role"`
	Timeline int    `json:"timeline"`
	Pause    bool   `json:"pause"`
	Unlocked bool   `json:"cluster_unlocked"` // it sees no leader lock
	Failsafe bool   `json:"failsafe_mode_is_active"`
	LastSeen int64  `json:"dcs_last_seen"` // when it read the DCS, in seconds since 1970
}

// Member asks GET /leader.
func (r *REST) Member(ctx context.Context) (Member, error) {
	code, body, err := r.host.http(ctx, http.MethodGet, restPort, "/leader", "")
	if err != nil {
		return Member{}, err
	}
	m := Member{Leads: code == http.StatusOK}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return Member{}, fmt.Errorf("ask Patroni on %s: %w", r.host.Name, err)
	}
	return m, nil
}

// leads says why the node does not lead with a PostgreSQL that runs, or returns nil.
func (r *REST) leads(ctx context.Context) error {
	m, err := r.Member(ctx)
	if err == nil && !(m.Leads && m.State == "running") {
		err = fmt.Errorf("%s is %s and %s", r.host.Name, m.Role, m.State)
	}
	return err
}

// AskForCluster asks GET /cluster, which makes Patroni read the DCS.
func (r *REST) AskForCluster(ctx context.Context) error {
	_, _, err := r.host.http(ctx, http.MethodGet, restPort, "/cluster", "")
	return err
}

// Failsafe reports whether Patroni knows of the failsafe mode and of every member that it asks
// then.
func (r *REST) Failsafe(ctx context.Context) (bool, error) {
	code, _, err := r.host.http(ctx, http.MethodGet, restPort, "/failsafe", "")
	return code == http.StatusOK, err
}

// Restart restarts the node's PostgreSQL, as `patronictl restart` does, and returns when it runs
// again.
func (r *REST) Restart(ctx context.Context) error { return r.post(ctx, "/restart", "{}") }

// Reload makes Patroni read its configuration again, as `patronictl reload` does.
func (r *REST) Reload(ctx context.Context) error { return r.post(ctx, "/reload", "{}") }

// Failover tells the cluster that the node shall lead, as `patronictl failover` does, and returns
// when it does, or when Patroni has given it up. Where another still has the leader lock, the node
// takes it as soon as that lock has ended.
func (r *REST) Failover(ctx context.Context) error {
	return r.post(ctx, "/failover", fmt.Sprintf(`{"candidate": %q}`, r.host.Name))
}

// switchover asks the node, which leads, to make the candidate the leader.
func (r *REST) switchover(ctx context.Context, candidate string) error {
	return r.post(ctx, "/switchover", fmt.Sprintf(`{"leader": %q, "candidate": %q}`, r.host.Name, candidate))
}

func (r *REST) post(ctx context.Context, path, body string) error {
	code, reply, err := r.host.http(ctx, http.MethodPost, restPort, path, body)
	if err == nil && code >= 300 {
		err = fmt.Errorf("%s on %s: %d %s", path, r.host.Name, code, reply)
	}
	return err
}

// Wake has Patroni run its next loop now, as every change of the dynamic configuration that is
// asked of it does. It is asked for the loop_wait that the lab began with.
func (r *REST) Wake(ctx context.Context) error {
	return r.configure(ctx, fmt.Sprintf(`{"loop_wait": %d}`, r.loopWait))
}

// configure asks Patroni to merge a JSON object into the cluster's dynamic configuration.
func (r *REST) configure(ctx context.Context, patch string) error {
	code, reply, err := r.host.http(ctx, http.MethodPatch, restPort, "/config", patch)
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("configure the cluster on %s: %d %s", r.host.Name, code, reply)
	}
	return err
}
