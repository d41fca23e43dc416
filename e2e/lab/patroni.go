package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const scope = "lab"

// patroniYAML is a node's patroni.yml. lab.node tells a client through the VIP which server it has reached.
const patroniYAML = `scope: %[1]s
name: %[2]s
restapi:
  listen: 0.0.0.0:8008
  connect_address: %[3]s:8008
%[13]s:
  hosts: [%[4]s]
bootstrap:
  dcs:
    ttl: %[5]d
    loop_wait: %[6]d
    retry_timeout: %[7]d
    synchronous_mode: %[8]t
    maximum_lag_on_failover: 1048576
    postgresql:
      use_pg_rewind: true
      use_slots: true
      parameters: {archive_mode: %[12]q, archive_command: /bin/true}
  initdb: [encoding: UTF8, locale: C, no-sync]
postgresql:
  listen: 0.0.0.0:5432
  connect_address: %[3]s:5432
  bin_dir: %[9]s
  data_dir: %[10]s/data/pg
  pgpass: %[10]s/data/pgpass
  authentication:
    superuser: {username: postgres}
    replication: {username: replicator}
  pg_hba: [local all all trust, host all all 0.0.0.0/0 trust, host replication all 0.0.0.0/0 trust]
  basebackup: [checkpoint: fast]
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  parameters:
    lab.node: %[2]s
    unix_socket_directories: %[10]s/data
    fsync: "off"
    shared_buffers: 16MB
    wal_keep_size: 64MB
    max_wal_size: 128MB
    min_wal_size: 32MB
    jit: "off"
    wal_retrieve_retry_interval: 200ms
    log_min_messages: fatal
    log_min_error_statement: panic
%[11]s`

func (n *Node) writePatroniYAML() error {
	var hosts []string
	for _, o := range n.lab.Nodes {
		hosts = append(hosts, `"`+o.Addr+`:2379"`)
	}
	o := n.lab.opts
	archive := map[bool]string{true: "on", false: "off"}[o.Archive]
	dcs := map[bool]string{true: "etcd", false: "etcd3"}[o.EtcdV2]
	text := fmt.Sprintf(patroniYAML, scope, n.Name, n.Addr, strings.Join(hosts, ", "), o.TTL, o.LoopWait, o.RetryTimeout,
		o.Synchronous, n.lab.pgBin, n.Dir, n.callbacksYAML(), archive, dcs)
	return os.WriteFile(n.path("patroni.yml"), []byte(text), 0o644)
}

// callbacksYAML names vipctl for every callback. Under file capabilities it ignores the environment, hence the flag.
func (n *Node) callbacksYAML() string {
	if n.lab.opts.Binary == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("  callbacks:\n")
	for _, action := range []string{"on_start", "on_stop", "on_restart", "on_reload", "on_role_change"} {
		fmt.Fprintf(&b, "    %s: %s\n", action, strings.Join(n.vipctl("callback"), " "))
	}
	return b.String()
}

// StartPatroni starts the node's Patroni, unless it runs already.
func (n *Node) StartPatroni() (err error) {
	if n.patroni.running() {
		return nil
	}
	argv, err := n.hooked([]string{"/usr/bin/patroni", n.path("patroni.yml")})
	if err != nil {
		return err
	}
	n.patroni, err = n.serve("patroni", argv...)
	return err
}

// StopPatroni asks the node's Patroni to end, and PostgreSQL with it, and returns when it has.
func (n *Node) StopPatroni(ctx context.Context) error {
	n.patroni.signal(syscall.SIGTERM)
	select {
	case <-n.patroni.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("stop Patroni on %s: %w", n.Name, ctx.Err())
	}
}

// KillPatroni ends the node's Patroni with SIGKILL, and returns when it has ended. PostgreSQL runs on.
func (n *Node) KillPatroni() {
	n.patroni.signal(syscall.SIGKILL)
	<-n.patroni.done
}

// Member is what a node's Patroni says of itself.
type Member struct {
	Leads    bool   `json:"-"`
	State    string `json:"state"`
	Role     string `json:"role"`
	Timeline int    `json:"timeline"`
	Pause    bool   `json:"pause"`
	Failsafe bool   `json:"failsafe_mode_is_active"`
	LastSeen int64  `json:"dcs_last_seen"` // the DCS, in seconds since 1970
}

// Member asks the node's Patroni, GET /leader, from the node itself.
func (n *Node) Member(ctx context.Context) (Member, error) {
	code, body, err := n.http(ctx, http.MethodGet, 8008, "/leader", "")
	if err != nil {
		return Member{}, err
	}
	m := Member{Leads: code == http.StatusOK}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return Member{}, fmt.Errorf("ask Patroni on %s: %w", n.Name, err)
	}
	return m, nil
}

// AskForCluster asks the node's Patroni for the cluster, which makes it read the DCS.
func (n *Node) AskForCluster(ctx context.Context) error {
	_, _, err := n.http(ctx, http.MethodGet, 8008, "/cluster", "")
	return err
}

// Leader returns the node that says it leads, or nil when none does. Two that say so are an error.
func (l *Lab) Leader(ctx context.Context) (leader *Node, err error) {
	for _, n := range l.Nodes {
		if m, e := n.Member(ctx); e != nil || !m.Leads {
			continue
		}
		if leader != nil {
			return nil, fmt.Errorf("%s and %s both lead", leader.Name, n.Name)
		}
		leader = n
	}
	return leader, nil
}

// Switchover asks Patroni to make the node the leader, and returns when the node says that it is.
func (l *Lab) Switchover(ctx context.Context, to *Node) error {
	from, err := l.Leader(ctx)
	if err != nil {
		return err
	}
	if from == nil || from == to {
		return fmt.Errorf("switch over to %s: it leads already, or nobody does", to.Name)
	}
	body := fmt.Sprintf(`{"leader": %q, "candidate": %q}`, from.Name, to.Name)
	code, answer, err := from.http(ctx, http.MethodPost, 8008, "/switchover", body)
	if err != nil {
		return fmt.Errorf("switch over to %s: %w", to.Name, err)
	}
	if code >= 300 {
		return fmt.Errorf("switch over to %s: %s", to.Name, answer)
	}
	return l.waitFor(ctx, to.Name+" leads", func() error { return to.leads(ctx) })
}

func (n *Node) leads(ctx context.Context) error {
	m, err := n.Member(ctx)
	if err == nil && !(m.Leads && m.State == "running") {
		err = fmt.Errorf("%s is %s and %s", n.Name, m.Role, m.State)
	}
	return err
}

// Pause pauses the cluster, or resumes it, and returns when every running Patroni knows.
func (l *Lab) Pause(ctx context.Context, on bool) error {
	var asked bool
	return l.waitFor(ctx, fmt.Sprintf("pause is %t", on), func() error {
		for _, n := range l.Nodes {
			if !n.patroni.running() {
				continue
			}
			if !asked {
				_, _, err := n.http(ctx, http.MethodPatch, 8008, "/config", fmt.Sprintf(`{"pause": %t}`, on))
				if asked = err == nil; !asked {
					return err
				}
			}
			if m, err := n.Member(ctx); err != nil || m.Pause != on {
				return fmt.Errorf("%s does not know yet (%v)", n.Name, err)
			}
		}
		return nil
	})
}

// findPostgres returns the folder of the newest PostgreSQL's programs.
func findPostgres() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}
