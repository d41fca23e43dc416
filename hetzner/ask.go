package hetzner

import (
	"bytes"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
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

// asking is a question under way.
type asking struct {
	*caller
	question
	began  time.Time
	last   reply
	answer string      // to an earlier attempt, for people: the last one may be cut off
	sent   atomic.Bool // bytes of the last attempt's body have left
}

// ask puts a question. The error is an [Error], nil only when the answer was a success that could
// be decoded. sent tells whether the last attempt may have reached the API.
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

// retrying overrides all that go-retryablehttp would do by itself: it retries too little (423,
// 409), too much (a refused certificate), waits for as long as Retry-After says, and swallows the
// last answer.
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
