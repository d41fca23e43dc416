package hetzner

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// caller puts questions to one API. Its methods may be called concurrently.
type caller struct {
	Access
	root   string
	sign   func(*http.Request)
	clean  func(string) string
	policy func(reply) plan
	client *http.Client
}

// question is one call, which may need several attempts.
type question struct {
	op           string // for people
	method, path string
	body         []byte // nil for none
	kind         string // the body's content type
	guard        *guard // before every attempt that changes something
	attempts     int    // at most; 0 is as many as ctx leaves time for
	decode       func(body []byte) error
	client       *http.Client // instead of the caller's
}

// reply is what came of one attempt.
type reply struct {
	status int
	header http.Header
	body   []byte
	fault
	err error // no usable answer
	n   int   // which attempt, from 1
}

// plan is what to do after an attempt.
type plan struct {
	again bool
	after time.Duration // 0: back off as usual
}

// asking is a question under way.
type asking struct {
	*caller
	question
	began time.Time
	last  reply
	sent  atomic.Bool // bytes of the last attempt's body have left
}

// ask puts a question and returns its last reply. The error is an [Error], nil only when the answer was a success that
// could be decoded. sent tells whether the last attempt may have reached the API.
func (c *caller) ask(ctx context.Context, q question) (sent bool, err error) {
	a := &asking{caller: c, question: q}
	if q.guard != nil {
		if err := q.guard.attempt(ctx); err != nil {
			return false, a.failure(err)
		}
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, q.method, c.root+q.path, a.reader(ctx))
	if err != nil {
		return false, a.failure(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.UserAgent)
	if q.kind != "" {
		req.Header.Set("Content-Type", q.kind)
	}
	c.sign(req.Request)
	a.began = time.Now()
	_, stopped := a.retrying().Do(req) // the reply is in a.last, read and closed
	return a.sent.Load(), a.outcome(ctx, stopped)
}

// reader returns what makes the body anew for each attempt, nil for none.
func (a *asking) reader(ctx context.Context) any {
	if a.body == nil {
		return nil
	}
	return retryablehttp.ReaderFunc(func() (io.Reader, error) {
		leave := func() error {
			if a.guard != nil {
				if err := a.guard.leaving(ctx); err != nil {
					return err
				}
			}
			a.sent.Store(true)
			return nil
		}
		return &guarded{Reader: bytes.NewReader(a.body), leave: leave}, nil
	})
}

// retrying overrides all that go-retryablehttp would do by itself: it retries too little (423, 409), too much (a
// refused certificate), waits for as long as Retry-After says, and swallows the last answer.
func (a *asking) retrying() *retryablehttp.Client {
	client, most := a.caller.client, math.MaxInt
	if a.question.client != nil {
		client = a.question.client
	}
	if a.attempts > 0 {
		most = a.attempts - 1
	}
	return &retryablehttp.Client{
		HTTPClient:   client,
		Logger:       nil, // Trace is told instead, by check
		RetryMax:     most,
		CheckRetry:   a.check,
		Backoff:      a.backoff,
		PrepareRetry: func(req *http.Request) error { return a.prepare(req.Context()) },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

func (a *asking) prepare(ctx context.Context) error {
	a.began = time.Now()
	a.sent.Store(false)
	if a.guard == nil {
		return nil
	}
	return a.guard.attempt(ctx)
}

// check reads the answer and says whether to try again.
func (a *asking) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	a.last = reply{n: a.last.n + 1, err: err}
	if err == nil {
		a.read(resp)
	}
	a.tell()
	if ctx.Err() != nil || a.guard != nil && a.guard.isLost() {
		return false, nil
	}
	return a.plan().again, nil
}

func (a *asking) plan() plan {
	var refused *tls.CertificateVerificationError
	if errors.As(a.last.err, &refused) {
		return plan{}
	}
	return a.policy(a.last)
}

// read takes an answer in. A success that cannot be decoded counts as no answer.
func (a *asking) read(resp *http.Response) {
	defer func() { _ = resp.Body.Close() }()
	r := &a.last
	r.status, r.header = resp.StatusCode, resp.Header
	r.body, r.err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if r.err == nil && len(r.body) > maxAnswer {
		r.err = fmt.Errorf("answer longer than %d MiB", maxAnswer>>20)
	}
	if r.err != nil {
		return
	}
	if r.status >= 200 && r.status < 300 {
		if err := a.decode(r.body); err != nil {
			r.err = fmt.Errorf("not an answer of this API: %w", err)
		}
		return
	}
	r.fault = parseFault(r.body)
}

// tell traces the attempt.
func (a *asking) tell() {
	if a.Trace == nil {
		return
	}
	t := Attempt{
		Op: a.op, Method: a.method, Path: a.path, N: a.last.n, Status: a.last.status, Code: a.clean(a.last.code),
		Correlation: a.clean(a.last.header.Get("X-Correlation-Id")), Remaining: a.clean(a.last.header.Get("RateLimit-Remaining")),
		Took: time.Since(a.began),
	}
	if a.last.err != nil {
		t.Err = a.clean(bare(a.last.err).Error())
	}
	a.Trace(t)
}

const (
	firstBackoff = 200 * time.Millisecond
	// maxBackoff bounds how long after an outage's end the API is tried again.
	maxBackoff = time.Second
)

// backoff doubles, with a random half, so that three nodes do not come back at once.
func (a *asking) backoff(_, _ time.Duration, n int, _ *http.Response) time.Duration {
	if after := a.plan().after; after > 0 {
		return after
	}
	d := min(maxBackoff, firstBackoff<<min(n, 10))
	return d/2 + rand.N(d/2)
}

// outcome makes the error of a finished question, nil for a success.
func (a *asking) outcome(ctx context.Context, stopped error) error {
	switch {
	case a.guard != nil && a.guard.isLost():
		return a.failure(ErrNoLongerLeader)
	case a.last.err == nil && a.last.status >= 200 && a.last.status < 300:
		return nil
	case a.last.err != nil:
		return a.failure(a.last.err)
	case ctx.Err() != nil:
		return a.failure(ctx.Err())
	case a.last.status == 0:
		return a.failure(stopped)
	}
	return a.failure(nil)
}

func (a *asking) failure(err error) error {
	e := &Error{
		Op: a.op, Status: a.last.status, Code: a.clean(a.last.code), Message: a.clean(a.last.message),
		Correlation: a.clean(a.last.header.Get("X-Correlation-Id")), Attempts: a.last.n, Hint: hint(a.last.status, a.last.code),
		RetryIn: a.last.retryIn,
	}
	if err != nil {
		e.Err = cleaned{bare(err), a.clean}
	}
	return e
}

// cleaned is an error that is shown without what the API must not have said, and is otherwise itself.
type cleaned struct {
	error
	clean func(string) string
}

func (c cleaned) Error() string { return c.clean(c.error.Error()) }
func (c cleaned) Unwrap() error { return c.error }

// bare takes an error out of net/http's wrapping, which repeats method and URL.
func bare(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

// retryAfter is how long to wait after a 429: what it asks for, but never more than five seconds, because the Cloud
// API's bucket refills by one call a second.
func retryAfter(h http.Header) time.Duration {
	const most = 5 * time.Second
	if s, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, most)
	}
	return time.Second + rand.N(time.Second)
}
