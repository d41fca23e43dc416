package hetzner

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// robotEndpoint is where the Robot webservice answers.
const robotEndpoint = "https://robot-ws.your-server.de"

const (
	// switchPatience is for a POST, which answers when the switch is done: after 40 to 110 s, by
	// the documentation.
	switchPatience = 150 * time.Second
	// loginBlock is how long no login is tried after a refused one. Three refused ones block the
	// host's address for ten minutes, so that there is one in a quarter of an hour.
	loginBlock = 15 * time.Minute
	// loginPatience is how soon a login is refused at the latest, if it is.
	loginPatience = 3 * time.Second
)

// Robot asks the Robot webservice with one user's password. It may be used concurrently; routes
// with the same user must share one, since refused logins are counted for the whole host.
type Robot struct {
	caller
	long     *http.Client
	password string // which version of its file, not the password

	turn  chan struct{} // held by a call of which nobody knows yet whether its login is good
	mu    sync.Mutex
	good  bool
	login *waiting // set by a refused login
}

// NewRobot returns a client. It connects to nothing.
func NewRobot(a Access, user string, password Secret) (*Robot, error) {
	root, err := a.base(robotEndpoint)
	switch {
	case err != nil:
		return nil, err
	case user == "":
		return nil, errors.New("no user for the Robot webservice")
	case password.reveal() == "":
		return nil, errors.New("no password for the Robot webservice")
	}
	r := &Robot{password: password.mark(), turn: make(chan struct{}, 1)}
	r.long = a.newHTTP(patience{0, switchPatience})
	r.caller = caller{
		Access: a, root: root, clean: censor(forms(user, password.reveal())...), policy: judgeRobot,
		client: a.newHTTP(patience{headersPatience, attemptPatience}),
		sign:   func(q *http.Request) { q.SetBasicAuth(user, password.reveal()) },
	}
	return r, nil
}

// forms are the ways in which a password may come back in an answer.
func forms(user, password string) []string {
	quoted := strconv.Quote(password)
	return []string{
		base64.StdEncoding.EncodeToString([]byte(user + ":" + password)),
		password, quoted[1 : len(quoted)-1], url.QueryEscape(password), url.PathEscape(password),
	}
}

// judgeRobot tries again where the webservice itself cannot have answered. Its own answers are left
// to [Failover], since nearly every call counts against a limit there.
func judgeRobot(r reply) plan {
	switch {
	case r.err != nil, r.status == http.StatusServiceUnavailable, r.status == http.StatusBadGateway, r.status == http.StatusGatewayTimeout:
		return plan{again: true, after: time.Duration(min(r.n, 4)) * time.Second}
	}
	return plan{}
}

// failoverIP is one of the webservice's.
type failoverIP struct {
	IP      string
	Netmask string
	Active  *string `json:"active_server_ip"` // nil where it is routed nowhere
	Status  string  // "ready", "processing", or absent
}

// covers reports whether addr belongs to the failover IP or subnet.
func (f failoverIP) covers(addr netip.Addr) bool {
	ip, err := netip.ParseAddr(f.IP)
	mask, err2 := netip.ParseAddr(f.Netmask)
	if err != nil || err2 != nil || ip.Unmap().BitLen() != addr.BitLen() || mask.BitLen() != addr.BitLen() {
		return err == nil && ip.Unmap() == addr
	}
	a, b, m := ip.Unmap().AsSlice(), addr.AsSlice(), mask.AsSlice()
	for i := range m {
		if a[i]&m[i] != b[i]&m[i] {
			return false
		}
	}
	return true
}

// failover reads or switches a failover IP. sent is whether the question may have reached the
// webservice.
func (r *Robot) failover(ctx context.Context, q question) (ip failoverIP, sent bool, err error) {
	done, err := r.mayLogIn(ctx)
	if err != nil {
		return ip, false, err
	}
	defer done()
	q.decode = func(body []byte) error {
		var one struct{ Failover failoverIP }
		if err := json.Unmarshal(body, &one); err != nil {
			return err
		}
		if ip = one.Failover; ip.IP == "" {
			return errors.New("a failover IP without an address")
		}
		return nil
	}
	sent, err = r.ask(ctx, q)
	r.learn(err)
	return ip, sent, err
}

// mayLogIn lets one call pass at a time until a login has succeeded, or has not been refused for
// loginPatience: a wrong password costs one refused login then, however many VIPs there are.
func (r *Robot) mayLogIn(ctx context.Context) (done func(), err error) {
	if r.loggedIn() {
		return func() {}, nil
	}
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if w := r.refused(); w != nil {
		<-r.turn
		return nil, &Error{Op: "log in to the Robot webservice", Err: reconcile.ErrNotYet, Hint: w.Why}
	}
	var once sync.Once
	pass := func() { once.Do(func() { <-r.turn }) }
	timer := time.AfterFunc(loginPatience, pass)
	return func() { timer.Stop(); pass() }, nil
}

func (r *Robot) loggedIn() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.good
}

// refused returns until when no login may be tried, nil when one may.
func (r *Robot) refused() *waiting {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.login == nil || !r.login.Until.After(r.now()) {
		return nil
	}
	w := *r.login
	return &w
}

// recall takes over a refused login from a memo.
func (r *Robot) recall(w *waiting) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w != nil && w.For == r.password && (r.login == nil || w.Until.After(r.login.Until)) {
		r.login = w
	}
}

// learn takes from an answer whether the login was good.
func (r *Robot) learn(err error) {
	status, _ := answered(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case status == http.StatusUnauthorized:
		r.good = false
		r.login = &waiting{Until: r.now().Add(loginBlock), Why: "the login was refused: check user and password", For: r.password}
	case err == nil || status != 0:
		r.good = true
	}
}
