// Package status is the report of where the VIPs are, and why. [Gather] makes a [Report] once;
// [WriteTable] and [WriteJSON] render it, for people and for programs. [WritePlan] and
// [WritePlanJSON] render what a tick would do, with every fact behind it. The package decides
// nothing, and writes to nothing but the writers that it is given.
package status

import (
	"encoding/json"
	"io"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// Version is that of the JSON of a [Report]. It is raised only if a field ever has to change its
// meaning.
const Version = 1

// Report is where the VIPs are on this host, and why. Its JSON, which docs/cli.md lists, is a
// contract: fields are added, never renamed.
type Report struct {
	Version  int                `json:"version"`
	Node     string             `json:"node"`    // this member's name; empty where patroni.yml cannot say
	Cluster  string             `json:"cluster"` // the scope; likewise
	Patroni  Patroni            `json:"patroni"`
	LastTick *reconcile.Stamp   `json:"last_tick"` // nil where no tick was seen since the boot
	VIPs     []VIP              `json:"vips"`
	Findings reconcile.Findings `json:"findings"`          // what keeps, or may keep, clients from a VIP
	Members  []Member           `json:"members,omitempty"` // where they were asked for

	// Warnings are what was in the way of the report, and what an operator should not overlook.
	// They are for the log.
	Warnings []string `json:"-"`

	ticks ticks
}

// ticks is when the timer ran last, and when it should.
type ticks struct {
	ago      time.Duration // since the last one; negative where none was seen
	interval time.Duration // between two
	runDir   string        // where they leave their mark
}

// VIP is one VIP, with what a tick would do right now.
type VIP struct {
	Name           string            `json:"name"`
	Address        string            `json:"address"`
	Interface      string            `json:"interface"`
	Present        policy.Presence   `json:"present"`
	Forever        bool              `json:"forever"`
	LeaseSeconds   *float64          `json:"lease_seconds"` // nil where the address is not here or has no end
	Do             policy.Do         `json:"do"`
	Code           policy.Code       `json:"code"`
	Reason         string            `json:"reason"` // for people
	Conflict       *Conflict         `json:"conflict"`
	Answering      []policy.MAC      `json:"answering"` // who else answers for the address right now; nil where that could not be asked
	Repeats        []Repeat          `json:"repeats"`   // what ticks do again and again at present
	LastTransition *reconcile.Record `json:"last_transition"`
	Route          *Route            `json:"route"` // nil where the VIP has none
}

// Conflict is a host that answered for an address while it was here.
type Conflict struct {
	MAC policy.MAC      `json:"mac"`
	At  reconcile.Stamp `json:"at"`
}

// Repeat is what a tick had to do again and again, because another mover undoes it.
type Repeat struct {
	Do    reconcile.Change `json:"do"`
	Code  policy.Code      `json:"code"`
	Times int              `json:"times"` // that it came again
	Since reconcile.Stamp  `json:"since"`
}

// WriteJSON writes the report for programs, as one line.
func WriteJSON(w io.Writer, r Report) error { return json.NewEncoder(w).Encode(r) }
