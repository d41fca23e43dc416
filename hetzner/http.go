package hetzner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// Access is how an API is reached. The zero value of every field but Now is usable.
type Access struct {
	// Endpoint is the API's address without a slash at its end; the default is the vendor's. It
	// must be https, except on a loopback address.
	Endpoint  string
	UserAgent string
	// Proxy chooses a proxy, for example [http.ProxyFromEnvironment]; nil uses none.
	Proxy func(*http.Request) (*url.URL, error)
	// Dial connects; nil is the system's way.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Trace, when set, is told of every attempt as soon as it is over, for a log. It may be called
	// concurrently.
	Trace func(Attempt)
	// Now is the boot clock.
	Now func() reconcile.Moment
}

// Attempt is one request and what came of it. It holds no secret, no header that could, and no
// body.
type Attempt struct {
	Op          string // what for, "assign floating IP 7 to server 42"
	Method      string
	Path        string
	N           int // of this call, from 1
	Status      int // 0 where there was no answer
	Code        string
	Correlation string
	Remaining   string // RateLimit-Remaining, as it came
	Took        time.Duration
	Err         string // why there was no usable answer
}

// line is the attempt on one line. A journal shows the line alone, so that everything is in it.
func (t Attempt) line() string {
	words := []string{fmt.Sprintf("attempt %d", t.N)}
	if t.Remaining != "" {
		words = append(words, t.Remaining+" calls left")
	}
	if t.Correlation != "" {
		words = append(words, "correlation id "+t.Correlation)
	}
	status := "no answer"
	if t.Status != 0 {
		status = fmt.Sprintf("HTTP %d", t.Status)
	}
	answer := strings.Join(slices.DeleteFunc([]string{status, t.Code, t.Err}, func(s string) bool { return s == "" }), ": ")
	return fmt.Sprintf("%s: %s %s: %s in %v (%s)", t.Op, t.Method, t.Path, answer, t.Took.Round(time.Millisecond), strings.Join(words, ", "))
}

// fields are the same for a log.
func (t Attempt) fields() map[string]any {
	return map[string]any{
		"op": t.Op, "method": t.Method, "path": t.Path, "attempt": t.N, "status": t.Status, "code": t.Code,
		"correlation": t.Correlation, "remaining": t.Remaining, "took_ms": t.Took.Round(time.Millisecond).Milliseconds(),
	}
}

const (
	// maxAnswer is far above any answer: fifty servers, the longest page, take about 500 KB.
	maxAnswer = 4 << 20
	// A connection is made within dialPatience and tlsPatience. Answers come within a second or so,
	// and one that hangs must not outlast an outage by much: the address is to arrive within 5 s of
	// the API's return.
	dialPatience    = 2 * time.Second
	tlsPatience     = 2 * time.Second
	headersPatience = 2500 * time.Millisecond
	attemptPatience = 3500 * time.Millisecond
)

// patience is how long one attempt may take.
type patience struct{ headers, whole time.Duration }

// straight hides where an answer redirects to. Go would follow, with the credentials, to another
// port of a host; told not to, it would still quote a Location that it cannot parse, and what an
// answer says is not shown uncensored.
type straight struct{ *http.Transport }

func (s straight) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.Transport.RoundTrip(req)
	if err == nil {
		resp.Header.Del("Location")
	}
	return resp, err
}

// newHTTP returns a client that follows no redirect.
func (a Access) newHTTP(p patience) *http.Client {
	dial := a.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialPatience}).DialContext
	}
	return &http.Client{
		Timeout: p.whole,
		Transport: straight{&http.Transport{
			Proxy:                  a.Proxy,
			DialContext:            dial,
			TLSHandshakeTimeout:    tlsPatience,
			ResponseHeaderTimeout:  p.headers,
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
		}},
	}
}

// base checks the endpoint and returns it, or the given default.
func (a Access) base(standard string) (string, error) {
	if a.Endpoint == "" {
		return standard, nil
	}
	u, err := url.Parse(a.Endpoint)
	switch {
	case err != nil:
		return "", errors.New("endpoint: not a URL") // the error would repeat what may hold a password
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return "", fmt.Errorf("endpoint %s: must be https, except on a loopback address", u.Redacted())
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("endpoint %s: want scheme, host and path only", u.Redacted())
	}
	return strings.TrimRight(a.Endpoint, "/"), nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

func (a Access) now() reconcile.Moment { return a.Now() }

// pause waits, or returns ctx's error when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil || d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
