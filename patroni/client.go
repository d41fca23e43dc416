package patroni

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Options say where Patroni is. Timeout and Now must be set, and Config, EnvironmentFile, or Scope with Name and URL; the
// others may be left out.
type Options struct {
	// Config is Patroni's configuration: a file, or a folder of *.yml and *.yaml files. Empty where everything comes
	// from the EnvironmentFile.
	Config string
	// EnvironmentFile is the one of Patroni's unit, in systemd's syntax.
	EnvironmentFile string

	// Scope and Name are the cluster's and this member's, for where Config does not say them. Where it does, they must be
	// the same.
	Scope, Name string

	// URL, CAFile, CertFile and KeyFile win over what Config says. KeyFile defaults to CertFile.
	URL, CAFile, CertFile, KeyFile string

	// Where says where vipctl.yml has a setting, such as patroni.scope, for errors. It may be nil.
	Where func(setting string) (file string, line int)

	// Timeout bounds each method as a whole: name lookup, connection, TLS, headers and body. For Members, and for Poll, which
	// asks all peers within one bound, it is a second at the most.
	Timeout time.Duration
	// Kept returns what [Client.Settings] gave when Patroni was last heard by the configuration, nil where nothing was kept.
	// It is asked where the configuration cannot be used, or Patroni is not heard by it. It may be nil itself.
	Kept func() (json.RawMessage, error)
	// Now is the boot clock.
	Now func() policy.Moment
}

// Client asks one Patroni and its peers. Its methods may be called concurrently.
type Client struct {
	opts  Options
	file  func() (*way, error)                // what the configuration says; never nil
	last  func() (*way, error)                // what it said when Patroni was last heard by it, nil where nothing was kept
	heard atomic.Pointer[heard]               // the way by which Patroni was heard last; nil before that
	said  atomic.Pointer[policy.PatroniReply] // the last one, nil before the first question
}

var _ reconcile.Patroni = (*Client)(nil)

// New returns a client. It does not read, resolve or open anything: mistakes in patroni.yml show at the first question.
func New(o Options) *Client {
	c := &Client{opts: o}
	c.file = sync.OnceValues(func() (*way, error) {
		s, err := readSettings(o)
		return newWay(s, s.asks()), err
	})
	c.last = sync.OnceValues(c.lastWay)
	return c
}

// Check reads everything that a question would read, and returns what is wrong with it: [Problems], or why a file
// cannot be used. Settings of a better day do not count here.
func (c *Client) Check() error {
	w, err := c.file()
	if err != nil {
		return err
	}
	if w.certFile != "" {
		if _, err := w.certificate(); err != nil {
			return err
		}
	}
	if _, err := w.local(); err != nil {
		return err
	}
	_, err = w.peers() // they may speak TLS where the local Patroni does not
	return err
}

// Scope returns the cluster's name in patroni.yml. Errors are those of [Client.Check], TLS aside.
func (c *Client) Scope() (string, error) {
	s, err := c.settings()
	return s.scope, err
}

// Name returns this member's name in patroni.yml, "" where that cannot say.
func (c *Client) Name() string {
	s, _ := c.settings()
	return s.name
}

// DataDir returns PostgreSQL's data directory in patroni.yml, "" where that cannot say.
func (c *Client) DataDir() string {
	s, _ := c.settings()
	return s.dataDir
}

// URL returns where Patroni's REST API is asked on this host, without a path: "http://127.0.0.1:8008".
func (c *Client) URL() (string, error) {
	s, err := c.settings()
	return s.url, err
}

// Word asks the local Patroni, GET /leader. Where that is not heard by the configuration, it asks once more, within the same
// deadline, by the last settings that Patroni answered to: the configuration may be ahead of it, see [Client.Ahead]. A
// configuration that cannot be used, and was not kept, is NotOurs: nobody was asked, and it is as loud as an answer from a
// stranger.
func (c *Client) Reply(ctx context.Context) policy.PatroniReply {
	w := c.anyWord(ctx)
	c.said.Store(&w)
	return w
}

// anyWord is the word by the way that counts, or else by the other.
func (c *Client) anyWord(ctx context.Context) policy.PatroniReply {
	by, err := c.settings()
	if err != nil {
		return c.unasked(err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	said := c.wordBy(ctx, by)
	if said.IsSilent() {
		if w := c.askAgain(ctx, by, said.Why); w.Counts() {
			return w
		}
	}
	if said.Counts() && c.heard.Load() == nil {
		c.heard.Store(&heard{by: by})
	}
	return said
}

// wordBy asks the local Patroni in one way.
func (c *Client) wordBy(ctx context.Context, by *way) policy.PatroniReply {
	return c.word(ctx, by.local, by.url, identity{by.scope, by.from.scope.said(), by.name, by.from.name.said()})
}

// word puts the question to one Patroni, within ctx's deadline.
func (c *Client) word(ctx context.Context, via func() (*http.Client, error), base string, want identity) policy.PatroniReply {
	hc, err := via()
	if err != nil {
		return c.unasked(err)
	}
	at := c.opts.Now()
	a, fault := get(ctx, hc, base+"/leader")
	if fault != nil {
		return policy.PatroniReply{Kind: fault.answer, Why: fault.why, At: at}
	}
	w := parseWord(a, want)
	w.At = at
	return w
}

func (c *Client) unasked(err error) policy.PatroniReply {
	return policy.PatroniReply{Kind: policy.NotOurs, Why: err.Error(), At: c.opts.Now()}
}

// Timing asks the local Patroni for ttl, loop_wait and retry_timeout, GET /config. They are as they stand in the DCS,
// with Patroni's defaults for those that are absent. Since 3.2.0 a running Patroni raises a ttl under 20 s and lowers
// the other two where loop_wait + 2 retry_timeout > ttl, without showing it here; what is shown makes for shorter
// leases, never for longer ones.
func (c *Client) Timing(ctx context.Context) (policy.Timing, error) {
	var t policy.Timing
	err := c.ask(ctx, "/config", func(body []byte, _ settings) (err error) {
		t, err = parseTiming(body)
		return err
	})
	return t, err
}

// Members asks the local Patroni who else is in the cluster, and who leads it, GET /cluster. Members without an address that can be
// asked (still starting, or announcing a wildcard) are left out, and so is this one.
func (c *Client) Members(ctx context.Context) (reconcile.Members, error) {
	ctx, cancel := context.WithTimeout(ctx, policy.MembersWithin)
	defer cancel()
	var members reconcile.Members
	err := c.ask(ctx, "/cluster", func(body []byte, s settings) error {
		cl, err := parseCluster(body, s.ofCluster())
		if err == nil {
			members = reconcile.Members{Peers: cl.peers(s), Leader: cl.leader()}
		}
		return err
	})
	return members, err
}
