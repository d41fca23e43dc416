package status

import (
	"context"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// askFor is how long all peers together may take to answer.
const askFor = 2 * time.Second

// Client asks the cluster, and knows what patroni.yml says of it.
type Client interface {
	Reply(ctx context.Context) policy.PatroniReply
	Poll(ctx context.Context, peers []policy.Peer) []policy.PeerReply
	Name() string           // this member's; empty where patroni.yml cannot say
	Scope() (string, error) // the cluster's name
	URL() (string, error)   // of the local REST API
}

// Patroni is what the local Patroni replied.
type Patroni struct {
	URL         string           `json:"url"`
	Reachable   bool             `json:"reachable"` // it replied, and as this member's Patroni
	Leader      bool             `json:"leader"`
	LeaderName  *string          `json:"leader_name"` // nil where nobody says who leads
	Role        policy.Role      `json:"role"`
	State       string           `json:"state"`
	Timeline    int              `json:"timeline"`
	Paused      bool             `json:"paused"`
	Failsafe    bool             `json:"failsafe"`
	DCSLastSeen *reconcile.Stamp `json:"dcs_last_seen"`

	Why string `json:"-"` // why it is not reachable
}

// patroniOf is a reply as people see it. Where this member does not lead, the peers are asked who
// does.
func patroniOf(ctx context.Context, client Client, f policy.Facts) Patroni {
	reply := f.Reply
	p := Patroni{
		Reachable: reply.Counts(), Leader: reply.Kind == policy.Leader, Role: reply.Role, State: reply.State,
		Timeline: reply.Timeline, Paused: reply.Paused, Failsafe: reply.Failsafe, Why: reply.Why,
	}
	p.URL, _ = client.URL() // an error is in the reply as well
	if reply.LastSeen != 0 {
		p.DCSLastSeen = &reconcile.Stamp{Time: time.Unix(reply.LastSeen, 0)}
	}
	name := client.Name()
	if !p.Leader {
		name = leaderAmong(ctx, client, f.Cluster.Peers)
	}
	if name != "" {
		p.LeaderName = &name
	}
	return p
}

// leaderAmong asks the peers who leads. It returns "" where nobody says so.
func leaderAmong(ctx context.Context, client Client, peers []policy.Peer) string {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return policy.ClusterState{}.Summarize(client.Poll(ctx, peers), client.Name(), policy.Moment{}).Name
}

// Member is what one member's Patroni replied.
type Member struct {
	Name      string      `json:"name"`
	URL       string      `json:"url"`
	Reachable bool        `json:"reachable"`
	Leader    bool        `json:"leader"`
	Role      policy.Role `json:"role"`
	State     string      `json:"state"`
	Timeline  int         `json:"timeline"`
	Paused    bool        `json:"paused"`
	Reason    string      `json:"reason,omitempty"` // why it is not reachable
}

// membersOf asks the peers, and puts them behind this member.
func membersOf(ctx context.Context, client Client, this Patroni, peers []policy.Peer) []Member {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	members := []Member{{
		Name: client.Name(), URL: this.URL, Reachable: this.Reachable, Leader: this.Leader, Role: this.Role, State: this.State,
		Timeline: this.Timeline, Paused: this.Paused, Reason: this.Why,
	}}
	for _, peer := range client.Poll(ctx, peers) {
		reply := peer.Reply
		members = append(members, Member{
			Name: peer.Peer.Name, URL: peer.Peer.URL, Reachable: reply.Counts(), Leader: reply.Kind == policy.Leader,
			Role: reply.Role, State: reply.State, Timeline: reply.Timeline, Paused: reply.Paused, Reason: reply.Why,
		})
	}
	return members
}
