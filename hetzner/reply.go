package hetzner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

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

// check reads the answer and says whether to try again.
func (a *asking) check(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if a.last.status != 0 {
		a.answer = strings.TrimRight(fmt.Sprintf("HTTP %d: %s", a.last.status, a.clean(a.last.code)), ": ")
	}
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

// outcome makes the error of a finished question, nil for a success.
func (a *asking) outcome(ctx context.Context, stopped error) error {
	switch {
	case a.guard != nil && a.guard.isLost():
		return a.failure(reconcile.ErrNoLongerLeader)
	case a.last.err == nil && a.last.status >= 200 && a.last.status < 300:
		return nil
	case a.last.err != nil && ctx.Err() != nil && a.answer != "":
		return a.failure(fmt.Errorf("%w, after %s", bare(a.last.err), a.answer))
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

// cleaned is an error whose text is cleaned when it is shown; [errors.Is] and [errors.As] see the
// error itself.
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

// retryAfter is how long to wait after a 429: what it asks for, but never more than five seconds,
// because the Cloud API's bucket refills by one call a second.
func retryAfter(h http.Header) time.Duration {
	const most = 5 * time.Second
	if s, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil && s > 0 {
		return min(time.Duration(s)*time.Second, most)
	}
	return time.Second + rand.N(time.Second)
}
