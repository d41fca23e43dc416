package patroni

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// way is a way to ask: settings, with the HTTP clients that they come to when they are first used.
type way struct {
	settings
	asks  asking
	shown *shown                       // certificates
	local func() (*http.Client, error) // for the Patroni of this host
	peers func() (*http.Client, error) // for the others
}

func newWay(s settings, a asking) *way {
	seen := &shown{}
	return &way{
		settings: s, asks: a, shown: seen,
		local: sync.OnceValues(func() (*http.Client, error) { return s.newHTTP(true, seen) }),
		peers: sync.OnceValues(func() (*http.Client, error) { return s.newHTTP(false, seen) }),
	}
}

// heard is a way by which the local Patroni was heard.
type heard struct {
	by  *way
	why string // it was not heard by the other way; empty where that was not asked
}

// settings returns the way that counts: the one by which Patroni was heard last, before that the configuration's, or its
// last good one where that cannot be used. A Patroni that runs has read the file before somebody broke it, and goes on
// leading. It is never nil, and beside an error filled as far as it could be read.
func (c *Client) settings() (*way, error) {
	if h := c.heard.Load(); h != nil {
		return h.by, nil
	}
	w, err := c.file()
	if err == nil {
		return w, nil
	}
	last, lost := c.last()
	switch {
	case lost != nil:
		return w, fmt.Errorf("%w (and its last good settings: %w)", err, lost)
	case last == nil:
		return w, err
	}
	return last, nil
}

// askAgain asks the local Patroni in the other way, where there is one, since it was not heard in this. Where it is heard
// now, the other way counts from now on. After a time-out ctx has ended, and nobody is asked.
func (c *Client) askAgain(ctx context.Context, by *way, why string) policy.PatroniReply {
	other := c.otherThan(by)
	if other == nil {
		return policy.PatroniReply{}
	}
	w := c.wordBy(ctx, other)
	if w.Counts() {
		c.heard.Store(&heard{by: other, why: why})
	}
	return w
}

// otherThan returns the other way, nil where there is none or it asks the same of the same.
func (c *Client) otherThan(by *way) *way {
	switch {
	case !c.Changed():
		return nil
	case c.isFile(by):
		last, _ := c.last()
		return last
	}
	file, _ := c.file()
	return file
}

func (c *Client) isFile(by *way) bool {
	file, _ := c.file()
	return by == file
}

// Changed reports whether the configuration, which can be used, would have us ask another place, in another manner or for
// another member than the last settings that Patroni answered to. That is so until [Client.Settings] is kept anew.
func (c *Client) Changed() bool {
	file, err := c.file()
	if err != nil {
		return false
	}
	last, err := c.last()
	return err == nil && last != nil && last.asks != file.asks
}

// Ahead returns an error where the configuration is ahead of the local Patroni, which was heard by the last settings that it
// answered to and not by those of the configuration, and else nil. Both are in it, and the next step.
func (c *Client) Ahead() error {
	h := c.heard.Load()
	if h == nil || c.isFile(h.by) || !c.Changed() {
		return nil
	}
	file, _ := c.file()
	return fmt.Errorf("%s: Patroni answers by its last settings (%s) and not by the file's (%s: %s): "+
		"reload or restart Patroni, or take the change back", c.opts.files(), h.by.asks, file.asks, h.why)
}

// files names what the settings are read from.
func (o Options) files() string {
	if o.Config == "" || o.EnvironmentFile == "" {
		return o.Config + o.EnvironmentFile
	}
	return strings.Join([]string{o.Config, o.EnvironmentFile}, " and ")
}
