package hetzner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// action is a change that the Cloud API carries out after it has answered: 201 says that it was
// begun.
type action struct {
	ID      int64
	Command string
	Status  string // running, success, error
	Error   *struct{ Code, Message string }
}

func decodeAction(body []byte) (action, error) {
	var a struct{ Action action }
	if err := json.Unmarshal(body, &a); err != nil {
		return action{}, err
	}
	switch a.Action.Status {
	case "running", "success", "error":
	default:
		return action{}, fmt.Errorf("an action with the status %q", a.Action.Status)
	}
	if a.Action.ID <= 0 {
		return action{}, errors.New("an action without an id")
	}
	return a.Action, nil
}

// pollPause is how long to wait before look n at an action, counted from 0. Each look costs a call
// of the quota.
func pollPause(n int) time.Duration {
	switch {
	case n < 3:
		return time.Duration(n+1) * 250 * time.Millisecond
	case n < 5:
		return time.Second
	}
	return 2 * time.Second
}

// awaitAction waits for the end of an action. The error is an [actionError] where the action ended
// in one.
func awaitAction(ctx context.Context, c *Cloud, a action, attempts int) error {
	for n := 0; a.Status == "running"; n++ {
		if err := pause(ctx, pollPause(n)); err != nil {
			return fmt.Errorf("wait for action %d (%s): %w", a.ID, c.clean(a.Command), err)
		}
		var err error
		if a, err = actionByID(ctx, c, a.ID, attempts); err != nil {
			return err
		}
	}
	return a.ended(c.clean)
}

// actionByID looks at one. The error is an [actionError] where the API does not know it any more.
func actionByID(ctx context.Context, c *Cloud, id int64, attempts int) (action, error) {
	var a action
	err := c.get(ctx, fmt.Sprintf("look at action %d", id), fmt.Sprintf("/actions/%d", id), attempts, func(body []byte) (err error) {
		a, err = decodeAction(body)
		if err == nil && a.ID != id {
			err = fmt.Errorf("action %d instead of %d", a.ID, id)
		}
		return err
	})
	if status, _ := answered(err); status == http.StatusNotFound {
		return action{}, &actionError{ID: id, Code: "not_found", Message: "the API does not know it any more"}
	}
	return a, err
}

// ended is the error that an action ended in, nil for a success.
func (a action) ended(clean func(string) string) error {
	if a.Status != "error" {
		return nil
	}
	e := &actionError{ID: a.ID, Command: clean(a.Command)}
	if a.Error != nil {
		e.Code, e.Message = clean(a.Error.Code), clean(a.Error.Message)
	}
	return e
}
