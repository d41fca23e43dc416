package hetzner

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Error is why an API did not do what it was asked. It never shows a secret.
type Error struct {
	Op          string // what was asked, "assign floating IP 7 to server 42"
	Status      int    // of the last answer; 0 where there was none
	Code        string // the API's own, "rate_limit_exceeded"
	Message     string // the API's own
	Correlation string // the Cloud API's id of the request, which Hetzner's support asks for
	Attempts    int
	Hint        string        // what to do next, a sentence; may be empty
	RetryIn     time.Duration // how long the API wants to be left alone, 0 where it does not say
	Err         error         // why there was no answer, or why no further attempt was made
}

// Error says all of it on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	for _, s := range []string{e.Code, e.Message} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Correlation != "" {
		fmt.Fprintf(&b, " (correlation id %s)", e.Correlation)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (%d attempts)", e.Attempts)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// hint is what to do about an API's code, or about a status without one.
func hint(status int, code string) string {
	switch code {
	case "unauthorized", "UNAUTHORIZED":
		return "check the token or password, and whether it was revoked"
	case "token_readonly":
		return "the token may only read: make one with read and write permission"
	case "FAILOVER_NEW_SERVER_NOT_FOUND":
		return "server_ip must be the main address of a server of this account"
	case "rate_limit_exceeded":
		return "something in this project uses up its 3600 calls an hour"
	case "RATE_LIMIT_EXCEEDED":
		return "something of this account uses up its calls to the webservice"
	case "FAILOVER_LOCKED":
		return "another switch is under way"
	case "locked", "conflict":
		return "another action is under way on it"
	case "maintenance":
		return "Hetzner is at work; see status.hetzner.com"
	}
	switch {
	case status == 401:
		return "check the token or password, and whether it was revoked"
	case status == 404:
		return "check its id or name, and that the token or user belongs to the same project or account"
	case status >= 300 && status < 400:
		return "no redirect is followed: check the endpoint and the proxy"
	}
	return ""
}

// answered returns the status and code of an API's answer that is in err, or 0.
func answered(err error) (status int, code string) {
	var e *Error
	if errors.As(err, &e) {
		return e.Status, e.Code
	}
	return 0, ""
}

// actionError is an action of the Cloud API that was accepted and then ended in an error.
type actionError struct {
	ID                     int64
	Command, Code, Message string
}

// Error names the action, so that it can be found in the project's list of actions.
func (e *actionError) Error() string {
	return fmt.Sprintf("action %d %s: %s: %s", e.ID, e.Command, e.Code, e.Message)
}
