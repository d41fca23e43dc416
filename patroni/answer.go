package patroni

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// identity is who an answer has to be from, and which file says so.
type identity struct{ scope, scopedBy, name, namedBy string }

// health is the part of a health answer that a [reconcile.Word] needs. Pointers tell what is absent from what is zero.
type health struct {
	State           *string `json:"state"`
	Role            *string `json:"role"`
	Timeline        *int    `json:"timeline"` // null while a replica does not know it
	Pause           bool    `json:"pause"`
	ClusterUnlocked bool    `json:"cluster_unlocked"`
	Failsafe        bool    `json:"failsafe_mode_is_active"`
	LastSeen        *int64  `json:"dcs_last_seen"` // absent before 2.1.2
	Patroni         struct {
		Scope *string `json:"scope"`
		Name  *string `json:"name"` // absent before 3.2.0
	} `json:"patroni"`
}

// parseWord turns the answer to GET /leader into a word. It is NotOurs unless it is plainly the answer of the Patroni
// that was meant.
func parseWord(a answer, want identity) policy.PatroniReply {
	var h health
	notOurs := func(why string) policy.PatroniReply { return policy.PatroniReply{Kind: policy.NotOurs, Why: why} }
	verdict := map[int]policy.ReplyKind{
		http.StatusOK:                 policy.Leader,
		http.StatusServiceUnavailable: policy.NotLeader,
	}[a.status]
	if verdict == policy.Unasked {
		return notOurs(a.refusal())
	}
	if err := parse(a.body, &h); err != nil {
		return notOurs(err.Error())
	}
	if err := want.check(h.Patroni.Scope, h.Patroni.Name); err != nil {
		return notOurs(err.Error())
	}
	if h.Role == nil || h.State == nil {
		return notOurs("no role or no state in the answer")
	}
	w := policy.PatroniReply{
		Kind:     verdict,
		Role:     policy.ParseRole(*h.Role),
		State:    plain(*h.State),
		Paused:   h.Pause,
		Unlocked: h.ClusterUnlocked,
		Failsafe: h.Failsafe,
		Scope:    want.scope,
		Date:     a.date,
	}
	if h.Timeline != nil {
		w.Timeline = *h.Timeline
	}
	if h.LastSeen != nil {
		w.LastSeen = max(0, *h.LastSeen)
	}
	if h.Patroni.Name != nil {
		w.Name = want.name
	}
	return w
}

// check compares what an answer says of itself with who was asked. Only the scope must be there.
func (want identity) check(scope, name *string) error {
	switch {
	case scope == nil:
		return fmt.Errorf("no patroni.scope in the answer, %s says %q", want.scopedBy, want.scope)
	case *scope != want.scope:
		return fmt.Errorf("scope is %s, %s says %q", quoted(*scope), want.scopedBy, want.scope)
	case name != nil && *name != want.name:
		return fmt.Errorf("name is %s, %s says %q", quoted(*name), want.namedBy, want.name)
	}
	return nil
}

// cluster is the part of the answer to GET /cluster that names members.
type cluster struct {
	Scope   *string `json:"scope"` // absent before 3.2.0
	Members []struct {
		Name string  `json:"name"`
		Role string  `json:"role"`
		API  *string `json:"api_url"`
	} `json:"members"`
}

// ofCluster is the identity of any member: which cluster is meant, and who says so.
func (s settings) ofCluster() identity {
	return identity{scope: s.scope, scopedBy: s.from.scope.said()}
}

func parseCluster(body []byte, want identity) (cluster, error) {
	var c cluster
	if err := parse(body, &c); err != nil {
		return cluster{}, err
	}
	if c.Scope != nil && *c.Scope != want.scope {
		return cluster{}, fmt.Errorf("scope is %s, %s says %q", quoted(*c.Scope), want.scopedBy, want.scope)
	}
	if c.Members == nil {
		return cluster{}, errors.New("no members in the answer")
	}
	return c, nil
}

// leader is the member that holds the lock, "" when none does. GET /cluster marks it with one of these two words; what
// follows from it is for reconcile to say.
func (c cluster) leader() string {
	for _, m := range c.Members {
		if m.Role == "leader" || m.Role == "standby_leader" {
			return m.Name
		}
	}
	return ""
}

// peers are the members other than ourselves that can be asked. Whoever announces a wildcard, or the very address that
// this host's Patroni is asked at, would have us take our own answer for a peer's: before 3.2.0 answers have no name.
func (c cluster) peers(s settings) []policy.Peer {
	peers := []policy.Peer{}
	for _, m := range c.Members {
		if m.Name == "" || m.Name == s.name || m.API == nil {
			continue
		}
		base, err := baseURL(*m.API)
		if err != nil || base.String() == s.url {
			continue
		}
		if ip, err := netip.ParseAddr(base.Hostname()); err == nil && ip.IsUnspecified() {
			continue
		}
		peers = append(peers, policy.Peer{Name: m.Name, URL: base.String()})
	}
	return peers
}

// baseURL takes the path off a REST API's address.
func baseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, fmt.Errorf("%q is not the address of a REST API", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// parseTiming reads the answer to GET /config.
func parseTiming(body []byte) (policy.Timing, error) {
	var fields map[string]json.RawMessage
	if err := parse(body, &fields); err != nil {
		return policy.Timing{}, err
	}
	if fields == nil {
		return policy.Timing{}, errors.New("not a JSON object")
	}
	var errs []error
	seconds := func(key string, otherwise time.Duration) time.Duration {
		d, err := parseSeconds(fields[key], otherwise)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
		return d
	}
	t := policy.Timing{
		TTL:          seconds("ttl", 30*time.Second),
		LoopWait:     seconds("loop_wait", 10*time.Second),
		RetryTimeout: seconds("retry_timeout", 10*time.Second),
	}
	if len(errs) > 0 {
		return policy.Timing{}, errors.Join(errs...)
	}
	return t, nil
}

// parseSeconds reads a number of seconds as Patroni's int() does: a string of digits counts, and fractions are cut off.
func parseSeconds(raw json.RawMessage, otherwise time.Duration) (time.Duration, error) {
	var n float64
	var text string
	switch {
	case raw == nil || string(raw) == "null":
		return otherwise, nil
	case json.Unmarshal(raw, &n) == nil:
	case json.Unmarshal(raw, &text) == nil:
		whole, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return 0, fmt.Errorf("got %s, want seconds", quoted(text))
		}
		n = float64(whole)
	default:
		return 0, fmt.Errorf("got %s, want seconds", plain(string(raw)))
	}
	if n = math.Trunc(n); n < 1 || n > 86400 {
		return 0, fmt.Errorf("got %s, want 1 to 86400 seconds", plain(string(raw)))
	}
	return time.Duration(n) * time.Second, nil
}

// parse decodes JSON, with errors in words.
func parse(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case len(body) == 0:
		return errors.New("empty answer")
	case errors.As(err, &wrong) && wrong.Field != "":
		return fmt.Errorf("%s has the wrong type: %s", wrong.Field, wrong.Value)
	case errors.As(err, &wrong):
		return fmt.Errorf("answer is a JSON %s, want an object", wrong.Value)
	}
	return fmt.Errorf("answer is not JSON: %s", plain(err.Error()))
}

// quoted is foreign text in quotes, at a length that fits a log line.
func quoted(s string) string { return strconv.Quote(short(s)) }

// plain is foreign text without quotes: what could move a terminal's cursor is replaced.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, short(s))
}

func short(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "..."
}
