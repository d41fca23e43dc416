package hetzner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/vipctl/vipctl/reconcile"
)

// cloudEndpoint is where the Cloud API answers.
const cloudEndpoint = "https://api.hetzner.cloud/v1"

const (
	pageSize = 50 // the most the API gives
	maxPages = 200
)

// Cloud asks the Cloud API with one project's token. It may be used concurrently, by any number of
// routes.
type Cloud struct {
	caller

	mu    sync.Mutex
	quota *reconcile.Quota
}

// NewCloud returns a client. It connects to nothing.
func NewCloud(a Access, token Secret) (*Cloud, error) {
	root, err := a.base(cloudEndpoint)
	if err != nil {
		return nil, err
	}
	if token.reveal() == "" {
		return nil, errors.New("no token for the Cloud API")
	}
	c := &Cloud{}
	c.caller = caller{
		Access: a, root: root, clean: censor(token.reveal()), policy: c.judge,
		client: a.newHTTP(patience{headersPatience, attemptPatience}),
		sign:   func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token.reveal()) },
	}
	return c, nil
}

// judge is the retry table of the Cloud API. 201 and the like come here only as answers that could
// not be decoded: every call of this package may be repeated, since it says how things shall be and
// not by how much they shall change.
func (c *Cloud) judge(r reply) plan {
	c.note(r.header)
	switch {
	case r.err != nil:
		return plan{again: true}
	case r.status < 300:
		return plan{}
	case r.status == http.StatusTooManyRequests:
		return plan{again: true, after: retryAfter(r.header)}
	case r.status == http.StatusForbidden && r.code == "maintenance":
		return plan{again: true, after: 5 * time.Second}
	case r.code == "locked", r.code == "conflict":
		return plan{again: true}
	}
	switch r.status {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return plan{again: true}
	}
	return plan{}
}

// note remembers the quota of an answer.
func (c *Cloud) note(h http.Header) {
	limit, err := strconv.Atoi(h.Get("RateLimit-Limit"))
	left, err2 := strconv.Atoi(h.Get("RateLimit-Remaining"))
	if err != nil || err2 != nil || limit < 0 || left < 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quota = &reconcile.Quota{Limit: limit, Remaining: left}
}

// Quota is that of the last answer with one, nil before.
func (c *Cloud) Quota() *reconcile.Quota {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quota
}

// fault is what an API's error says.
type fault struct {
	code, message string
	retryIn       time.Duration
}

// parseFault reads an error, which has one form in both APIs: {"error":{"code":...,"message":...}}.
// Only the Robot webservice says an interval, in seconds.
func parseFault(body []byte) fault {
	var f struct {
		Error struct {
			Code, Message string
			Interval      int64
		}
	}
	if json.Unmarshal(body, &f) != nil {
		return fault{}
	}
	seconds := min(max(f.Error.Interval, 0), int64(maxWait/time.Second))
	return fault{f.Error.Code, f.Error.Message, time.Duration(seconds) * time.Second}
}

// get reads one object.
func (c *Cloud) get(ctx context.Context, op, path string, attempts int, decode func([]byte) error) error {
	_, err := c.ask(ctx, question{op: op, method: http.MethodGet, path: path, attempts: attempts, decode: decode})
	return err
}

// act begins an action. There is always a body, an empty object for a call that needs none: the
// guard stands before it.
func (c *Cloud) act(ctx context.Context, g *guard, op, path string, attempts int, body any) (action, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return action{}, fmt.Errorf("%s: %w", op, err)
	}
	var a action
	_, err = c.ask(ctx, question{
		op: op, method: http.MethodPost, path: path, body: data, kind: "application/json", guard: g, attempts: attempts,
		decode: func(body []byte) (err error) {
			a, err = decodeAction(body)
			return err
		},
	})
	return a, err
}

// pages reads a list to its end. path has no query, or ends with one that can be added to.
func (c *Cloud) pages(ctx context.Context, op, path string, attempts int, decode func([]byte) error) error {
	for page := 1; page <= maxPages; {
		var next int
		at := fmt.Sprintf("%s?page=%d&per_page=%d", path, page, pageSize)
		err := c.get(ctx, op, at, attempts, func(body []byte) (err error) {
			if next, err = nextPage(body); err == nil {
				err = decode(body)
			}
			return err
		})
		if err != nil || next <= page {
			return err
		}
		page = next
	}
	return fmt.Errorf("%s: more than %d pages", op, maxPages)
}

// nextPage returns 0 on the last page.
func nextPage(body []byte) (int, error) {
	var list struct {
		Meta struct {
			Pagination struct {
				NextPage *int `json:"next_page"`
			}
		}
	}
	err := json.Unmarshal(body, &list)
	if next := list.Meta.Pagination.NextPage; next != nil {
		return *next, err
	}
	return 0, err
}
