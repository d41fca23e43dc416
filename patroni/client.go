package patroni

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Options say where Patroni is. Timeout and Now must be set, and what [conf.Source] asks for; the
// others may be left out.
type Options struct {
	conf.Source

	// Where says where vipctl.yml has a setting, for errors. It may be nil.
	Where conf.Where

	// Timeout bounds each method as a whole: name lookup, connection, TLS, headers and body. For
	// Members, and for Poll, which asks all peers within one bound, it is a second at the most.
	Timeout time.Duration
	// SavedEndpoint returns what [Client.EndpointToSave] gave when Patroni last answered by the
	// configuration, nil where nothing was saved. It is called where the configuration cannot be
	// used, or Patroni does not answer by it. It may be nil itself.
	SavedEndpoint func() (json.RawMessage, error)
	// Now is the boot clock.
	Now func() policy.Moment
}

// Client asks one Patroni and its peers. Its methods may be called concurrently.
type Client struct {
	opts      Options
	endpoints *endpoints
	last      atomic.Pointer[policy.PatroniReply] // reply of the local Patroni, nil before the first question
}

var _ reconcile.Patroni = (*Client)(nil)

// New returns a client. It does not read, resolve or open anything: mistakes in patroni.yml show at
// the first question.
func New(o Options) *Client {
	return &Client{opts: o, endpoints: newEndpoints(o.Source, o.Where, o.SavedEndpoint)}
}

// Reply asks the local Patroni, GET /leader. Where no reply that counts comes by the configuration,
// it asks once more, within the same deadline, by the saved endpoint: the configuration may be
// ahead of Patroni, see [Client.Ahead]. The reply is NotOurs where the configuration cannot be used
// and no endpoint was saved: nobody was asked, and people must be told of it as they are of a
// stranger's answer.
func (c *Client) Reply(ctx context.Context) policy.PatroniReply {
	reply := c.ask(ctx)
	c.last.Store(&reply)
	return reply
}

func (c *Client) ask(ctx context.Context) policy.PatroniReply {
	e, err := c.endpoints.use()
	if err != nil {
		return unasked(err, c.opts.Now())
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	return c.endpoints.ask(e, func(e *endpoint) policy.PatroniReply { return e.leader(ctx, c.opts.Now) })
}

// Poll asks the peers side by side, all of them within one deadline, Timeout or a second: GET
// /leader of each, and GET /cluster of those that do not lead and see a lock. The answers are in
// the order of peers.
//
// Names is empty where that second answer is missing, too. The peer's reply then has a Why: who
// leads is unknown, which is not the same as nobody.
func (c *Client) Poll(ctx context.Context, peers []policy.Peer) []policy.PeerReply {
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, pollWithin))
	defer cancel()
	poll := peerPoll{c.endpoints.use, c.opts.Now}
	return each(peers, func(p policy.Peer) policy.PeerReply { return poll.ask(ctx, p) })
}

// Rivals asks the peers side by side whether they lead: GET /leader of each, all of them within 200
// ms. The answers are in the order of peers. One that does not answer says nothing new.
func (c *Client) Rivals(ctx context.Context, peers []policy.Peer) []policy.PeerReply {
	ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, rivalsWithin))
	defer cancel()
	poll := peerPoll{c.endpoints.use, c.opts.Now}
	return each(peers, func(p policy.Peer) policy.PeerReply {
		reply, _, _ := poll.leads(ctx, p)
		return reply
	})
}

// Timing asks the local Patroni for ttl, loop_wait and retry_timeout, GET /config. They are as they
// stand in the DCS, with Patroni's defaults for those that are absent. Since 3.2.0 a running
// Patroni raises a ttl under 20 s and lowers the other two where loop_wait + 2 retry_timeout > ttl,
// without showing it here; what is shown makes for shorter leases, never for longer ones.
func (c *Client) Timing(ctx context.Context) (policy.Timing, error) {
	var t policy.Timing
	err := c.get(ctx, "/config", func(_ *endpoint, body []byte) (err error) {
		t, err = parseTiming(body)
		return err
	})
	return t, err
}

// Members asks the local Patroni who else is in the cluster, and who leads it, GET /cluster.
// Members without an address that can be asked (still starting, or announcing a wildcard) are left
// out, and so is this one.
func (c *Client) Members(ctx context.Context) (reconcile.Members, error) {
	ctx, cancel := context.WithTimeout(ctx, policy.MembersWithin)
	defer cancel()
	var members reconcile.Members
	err := c.get(ctx, "/cluster", func(e *endpoint, body []byte) error {
		cl, err := parseCluster(body, e.cluster())
		if err == nil {
			members = reconcile.Members{Peers: cl.peers(e.Settings), Leader: cl.leader()}
		}
		return err
	})
	return members, err
}

// DynamicCallbacks asks the local Patroni for postgresql.callbacks in the dynamic configuration, by
// event, GET /config. It is for [conf.Callbacks].
func (c *Client) DynamicCallbacks(ctx context.Context) (map[string]any, error) {
	var callbacks map[string]any
	err := c.get(ctx, "/config", func(_ *endpoint, body []byte) (err error) {
		callbacks, err = parseCallbacks(body)
		return err
	})
	return callbacks, err
}

// get puts a question that wants a 200 to the local Patroni, within the client's deadline.
func (c *Client) get(ctx context.Context, path string, read func(e *endpoint, body []byte) error) error {
	e, err := c.endpoints.use()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	return e.ask(ctx, path, func(body []byte) error { return read(e, body) })
}

// Postmaster reads postmaster.pid in the local data directory. PostgreSQL takes that file away when
// the postmaster exits, after its last child, and writes "stopping" into it when it is told to
// stop; from then on it accepts no new connection. A fast stop, which is what Patroni asks for,
// ends the sessions at once. A smart stop (pg_ctl stop -m smart, SIGTERM) waits for them, and they
// can go on writing: measured on 15.18. The file does not tell the two apart.
//
// PGDown needs proof: no such file in a folder that is a data directory, for it has a PG_VERSION,
// or the word "stopping". An empty folder may be a file system that is not mounted, and a file
// whose process is gone was left by a crash, after which backends can live on for a moment: both
// are PGUnknown, as is everything that cannot be read before ctx ends, or within Timeout.
func (c *Client) Postmaster(ctx context.Context) policy.PG {
	dir := c.DataDir() // what else is wrong with patroni.yml does not matter here
	if !filepath.IsAbs(dir) {
		return policy.PGUnknown // relative to Patroni's working directory, which is not ours
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	return postmasterWithin(ctx, dir)
}

// Port returns the port at which the PostgreSQL listens that left postmaster.pid, 0 where that does
// not say.
func (c *Client) Port() uint16 {
	if dir := c.DataDir(); filepath.IsAbs(dir) {
		return postmasterPort(dir)
	}
	return 0
}

// Check reads everything that a question would read, and returns what is wrong with it:
// [conf.Problems], or why a file cannot be used. A saved endpoint does not count here.
func (c *Client) Check() error {
	e, err := c.endpoints.file()
	if err != nil {
		return err
	}
	return e.check()
}

// Taken lists what the configuration says now, as far as it could be read. A saved endpoint does
// not count here, and a mistake is the error of [Client.Check].
func (c *Client) Taken() []conf.Taken {
	e, _ := c.endpoints.file()
	return e.Taken()
}

// Scope returns the cluster's name. Errors are those of [Client.Check], TLS aside.
func (c *Client) Scope() (string, error) {
	e, err := c.endpoints.use()
	return e.Scope, err
}

// Name returns this member's name, "" where nothing says it.
func (c *Client) Name() string {
	e, _ := c.endpoints.use()
	return e.Name
}

// DataDir returns PostgreSQL's data directory, "" where nothing says it.
func (c *Client) DataDir() string {
	e, _ := c.endpoints.use()
	return e.DataDir
}

// URL returns where Patroni's REST API is asked on this host, without a path:
// "http://127.0.0.1:8008". Errors are those of [Client.Scope].
func (c *Client) URL() (string, error) {
	e, err := c.endpoints.use()
	return e.URL, err
}

// Own returns the addresses that patroni.yml gives this member. Names are not resolved, and what
// cannot be read is left out.
func (c *Client) Own() []conf.Own {
	e, _ := c.endpoints.use()
	return e.Own.Known()
}

// OwnNames returns the addresses of the names in the same settings, and an error for each setting
// whose name could not be resolved before the end of ctx.
func (c *Client) OwnNames(ctx context.Context) (all []conf.Own, unresolved []error) {
	e, _ := c.endpoints.use()
	return e.Own.Resolve(ctx)
}

// EndpointToSave returns what [Options.SavedEndpoint] wants to have back: the same bytes for the
// same settings, without any secret. It is nil until the local Patroni has answered by what the
// configuration says now: a file that is ahead of Patroni must not overwrite the endpoint by which
// Patroni answers.
func (c *Client) EndpointToSave() json.RawMessage { return c.endpoints.toSave() }

// Changed reports whether the configuration can be used and has us ask another place, in another
// manner or for another member than the saved endpoint. That is so until [Client.EndpointToSave] is
// saved anew.
func (c *Client) Changed() bool { return c.endpoints.changed() }

// Ahead returns an error where the configuration is ahead of the local Patroni, which answered by
// the saved endpoint and not by that of the configuration. It names both, and the next step. It is
// nil in every other case.
func (c *Client) Ahead() error { return c.endpoints.ahead() }

// Fallback returns what is wrong with the configuration where the saved endpoint is in use instead,
// and else nil.
func (c *Client) Fallback() error { return c.endpoints.fallback() }

// SavedScope returns the cluster's name in the saved endpoint, "" where none was saved.
func (c *Client) SavedScope() string {
	if saved, err := c.endpoints.saved(); err == nil && saved != nil {
		return saved.Scope
	}
	return ""
}

// Warnings returns what is wrong with certificates although the answers that came with them count.
// Without these texts nobody would be told of it.
func (c *Client) Warnings() []string {
	e, err := c.endpoints.use()
	if err != nil {
		return nil
	}
	return warnings(e.shown, time.Now())
}

// Findings is what people should know about the last answer of the local Patroni, about the
// certificates that it and the peers presented in this process, and about those that vipctl has
// itself. It may ask once more, in the other scheme. It says nothing of a Patroni that does not
// answer.
func (c *Client) Findings(ctx context.Context) reconcile.Findings {
	e, err := c.endpoints.use()
	if err != nil {
		return nil // Check says it
	}
	var found reconcile.Findings
	if last := c.last.Load(); last != nil && !last.Counts() {
		ctx, cancel := context.WithTimeout(ctx, min(c.opts.Timeout, schemeWithin))
		defer cancel()
		findWrongServer(ctx, &found, e.URL, *last)
	}
	in := inspection{now: time.Now(), found: found}
	all, _ := e.shown.list()
	for _, p := range all {
		in.server(p)
	}
	in.files(e.TLS)
	return in.found
}
