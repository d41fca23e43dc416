package hetzner

import (
	"context"
	"errors"
	"fmt"

	"github.com/vipctl/vipctl/reconcile"
)

// cloudRoute is what the routes through the Cloud API have in common.
type cloudRoute struct {
	ledger
	client func() (*Cloud, error)
	cloud  *Cloud // nil before the first call
	meta   *Metadata
	server int64 // this server's id by the configuration; 0 asks the metadata service
}

// given is a client that exists already.
func given[T any](client *T) func() (*T, error) { return func() (*T, error) { return client, nil } }

// open gets the client. It stands before every call, and reads the token where that was not read
// before.
func (r *cloudRoute) open() (err error) {
	r.cloud, err = r.client()
	return err
}

// fresh is the same without a memo.
func (r *cloudRoute) fresh() cloudRoute {
	c := *r
	c.memo, c.keep = memo{Config: r.config}, nil
	return c
}

// serverID is this server's id: the configured one, or what the metadata service says.
func (r *cloudRoute) serverID(ctx context.Context) (int64, error) {
	if r.server != 0 {
		return r.server, nil
	}
	if r.memo.Server != 0 {
		return r.memo.Server, nil
	}
	id, err := r.meta.InstanceID(ctx)
	if err != nil {
		return 0, fmt.Errorf("find this server's id: %w; or set server in the configuration", err)
	}
	r.memo.Server = id
	return id, nil
}

// follow waits for the end of an action that this call has begun. Its id is kept in the memo
// meanwhile: should this process be killed, the next one waits on.
func (r *cloudRoute) follow(ctx context.Context, a action) error {
	if r.memo.Switch != nil {
		r.memo.Switch.Action = a.ID
		r.noted()
	}
	err := awaitAction(ctx, r.cloud, a, r.attempts())
	var failed *actionError
	if errors.As(err, &failed) && r.memo.Switch != nil {
		r.memo.Switch.Action = 0
	}
	return err
}

// resume waits for the end of an action that an earlier run began.
func (r *cloudRoute) resume(ctx context.Context) error {
	a, err := actionByID(ctx, r.cloud, r.memo.Switch.Action, r.attempts())
	if err == nil {
		err = awaitAction(ctx, r.cloud, a, r.attempts())
	}
	if err == nil || ctx.Err() == nil {
		r.memo.Switch.Action = 0
	}
	return err
}

// checkServer compares the configured server with what the metadata service says.
func (r *cloudRoute) checkServer(ctx context.Context, found *reconcile.Findings) {
	own, err := r.meta.InstanceID(ctx)
	switch {
	case err != nil && r.server == 0:
		found.Add(reconcile.Problem, "find this server's id: %v; or set server in the configuration", err)
		return
	case err != nil:
		found.Add(reconcile.Warning, "whether this is server %d cannot be told: %v", r.server, err)
	case r.server != 0 && r.server != own:
		found.Add(reconcile.Problem, "server %d is configured, but this is server %d", r.server, own)
	}
	if r.server != 0 {
		own = r.server
	}
	if _, err := serverByID(ctx, r.cloud, own, lateAttempts); !found.Failed(err) {
		found.Add(reconcile.OK, "this is server %d", own)
	}
}
