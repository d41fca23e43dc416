package patroni

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/vipctl/vipctl/patroni/conf"
	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	// maxBody is far above any answer: /cluster takes about 300 bytes a member.
	maxBody = 1 << 20
	// retryPause gives a Patroni that reloads its REST API the time to listen again.
	retryPause = 50 * time.Millisecond
)

// response is what a REST API answered, whatever it is worth.
type response struct {
	status   int
	location string
	date     int64 // HTTP's Date in whole seconds since 1970, 0 where there is none
	body     []byte
}

// fault is why there is no response: Silent where nobody answered in time, NotOurs where somebody
// did who is no Patroni.
type fault struct {
	answer policy.ReplyKind
	why    string
}

// newHTTP returns an HTTP client that connects anew for each question, as Patroni's HTTP/1.0 server
// wants it, and that knows no proxy, no redirect and no compression. Deadlines are the context's.
func newHTTP(s conf.Settings, local bool, shown *shown) (*http.Client, error) {
	t := &http.Transport{
		DialContext:            (&net.Dialer{}).DialContext,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 64 << 10,
	}
	if !local || strings.HasPrefix(s.URL, "https:") {
		d, err := newDialer(s.TLS, local, shown)
		if err != nil {
			return nil, err
		}
		t.DialTLSContext = d.dial
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: t, CheckRedirect: stay}, nil
}

// get asks once. It asks a second time only where the connection was dropped before any byte of an
// answer came: a Patroni that reloads its REST API does that.
func get(ctx context.Context, hc *http.Client, address string) (response, *fault) {
	began := time.Now()
	var answered atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { answered.Store(true) }})
	req, err := retryablehttp.NewRequestWithContext(traced, http.MethodGet, address, nil)
	if err != nil {
		return response{}, &fault{policy.NotOurs, fmt.Sprintf("ask %q: %v", address, err)}
	}
	rc := &retryablehttp.Client{
		HTTPClient: hc,
		RetryMax:   1,
		Backoff:    func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return retryPause },
		CheckRetry: func(ctx context.Context, _ *http.Response, err error) (bool, error) {
			return err != nil && ctx.Err() == nil && !answered.Load() && hungUp(err), nil
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	resp, err := rc.Do(req)
	if err != nil {
		return response{}, diagnose(ctx, began, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return response{}, diagnose(ctx, began, err)
	case len(body) > maxBody:
		return response{}, &fault{policy.NotOurs, fmt.Sprintf("answer longer than %d MiB", maxBody>>20)}
	}
	r := response{status: resp.StatusCode, location: resp.Header.Get("Location"), body: body}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		r.date = date.Unix()
	}
	return r, nil
}

// hungUp reports whether the other side dropped the connection.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		// How net/http calls a connection that was closed before the question was on its way; it
		// exports no such error.
		strings.Contains(err.Error(), "server closed idle connection")
}

// diagnose says why there is no answer. What the network did is Silent. What only a server does
// that is not our Patroni (TLS, a protocol that is not HTTP) is NotOurs.
func diagnose(ctx context.Context, began time.Time, err error) *fault {
	silent := func(why string) *fault { return &fault{policy.Silent, why} }
	var errno syscall.Errno
	var dns *net.DNSError
	var timeout net.Error
	var unfit unfit
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return silent("vipctl was asked to stop")
	case ctx.Err() != nil, errors.As(err, &timeout) && timeout.Timeout():
		return silent("no answer within " + patience(ctx, began).String())
	case errors.As(err, &unfit):
		return &fault{policy.NotOurs, string(unfit)}
	case errors.As(err, &dns):
		return silent(fmt.Sprintf("cannot resolve %s: %s", dns.Name, dns.Err))
	case errors.Is(err, syscall.ECONNREFUSED):
		return silent("connection refused")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return silent("connection reset")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return silent("connection closed in the middle of the answer")
	case hungUp(err):
		return silent("connection closed without an answer")
	case errors.As(err, &errno):
		return silent(errno.Error())
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the method and the URL
	}
	return &fault{policy.NotOurs, plain(err.Error())}
}

// patience is how long vipctl waited for the answer, rounded so that the same wait gives the same
// text each time.
func patience(ctx context.Context, began time.Time) time.Duration {
	waited := time.Since(began)
	if end, ok := ctx.Deadline(); ok {
		waited = max(0, end.Sub(began))
	}
	if waited < 100*time.Millisecond {
		return waited.Round(time.Millisecond)
	}
	return waited.Round(50 * time.Millisecond)
}

// refusal describes a response by its status.
func (r response) refusal() string {
	text := strings.TrimSpace(fmt.Sprintf("HTTP %d %s", r.status, http.StatusText(r.status)))
	if r.location != "" {
		text += ", redirected to " + plain(r.location)
	}
	return text
}
