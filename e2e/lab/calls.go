package lab

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vipctl/vipctl/hetzner/hetznertest"
)

// Calls are requests to the provider, in the order in which they arrived. Agent is the name of the
// node that called.
type Calls []hetznertest.Call

// Calls returns all that have arrived since the given moment, also those that got no reply. An
// attempt that could not connect is no call.
func (h *Hetzner) Calls(since time.Time) Calls {
	all := Calls(h.World.Calls())
	return all.only(func(c hetznertest.Call) bool { return !c.At.Before(since) })
}

// By returns the calls of the node of that name.
func (c Calls) By(node string) Calls {
	return c.only(func(c hetznertest.Call) bool { return c.Agent == node })
}

// Mutating returns the calls that asked for a change.
func (c Calls) Mutating() Calls { return c.only(hetznertest.Call.Mutating) }

func (c Calls) only(which func(hetznertest.Call) bool) Calls {
	return slices.DeleteFunc(slices.Clone(c), func(c hetznertest.Call) bool { return !which(c) })
}

// String counts the calls by kind.
func (c Calls) String() string {
	metadata := c.only(func(c hetznertest.Call) bool { return strings.HasPrefix(c.Path, "/hetzner/v1/metadata/") })
	mutating := c.Mutating()
	return fmt.Sprintf("%d mutating, %d reading, %d to the metadata service", len(mutating), len(c)-len(mutating)-len(metadata), len(metadata))
}
