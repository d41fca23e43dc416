package reconcile

import (
	"time"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// The codes of records that come from no verdict of the policy's.
const (
	codeOperator policy.Code = "operator"
	codeConflict policy.Code = "conflict"
	codeRoute    policy.Code = "route"
)

// Stamp is a wall-clock time that is written as RFC 3339 in UTC with milliseconds.
type Stamp struct{ time.Time }

// StampFormat is how a [Stamp] is written.
const StampFormat = "2006-01-02T15:04:05.000Z"

// MarshalJSON writes the stamp in [StampFormat].
func (s Stamp) MarshalJSON() ([]byte, error) {
	return []byte(s.UTC().Format(`"` + StampFormat + `"`)), nil
}

// Record is one transition as it is logged, stored and shown. It is the JSON contract of `vipctl
// history`.
type Record struct {
	At      Stamp        `json:"at"`
	VIP     string       `json:"vip"`
	Trigger policy.Event `json:"trigger"`
	By      string       `json:"by"`
	Do      Change       `json:"do"`
	Code    policy.Code  `json:"code"`
	Reason  string       `json:"reason"`
	TookMS  float64      `json:"took_ms"` // from the process's start to the end of the change
	Phases  Phases       `json:"phases"`
	Error   string       `json:"error"`
}

// Phases says where a transition's milliseconds went.
type Phases struct {
	Observe float64 `json:"observe"` // asking Patroni and its peers
	Lock    float64 `json:"lock"`
	Address float64 `json:"address"` // the kernel calls
	Frame   float64 `json:"frame"`   // until the announcement was on the wire
	State   float64 `json:"state"`   // the VIP state in /run
}

// Change is what happened to an address.
type Change string

// The changes that make a record.
const (
	ChangeClaim    Change = "claim"
	ChangeRelease  Change = "release"
	ChangeHandOver Change = "hand_over"
	ChangeConflict Change = "conflict" // nothing moved, but another host answers for the address
	ChangeRoute    Change = "route"    // a provider's network was pointed here, or could not be
	ChangeHold     Change = "hold"     // an operator's hold began
	ChangeUnhold   Change = "unhold"   // an operator ended it
)

// History keeps the history for people. Append is called after the address has been moved and never
// decides anything.
type History interface {
	Append(r Record) error
}

// phaseTimes is where a run's time went.
type phaseTimes struct{ observe, lock, address, frame, state time.Duration }

// phases is the same in a record's milliseconds.
func (s phaseTimes) phases() Phases {
	return Phases{
		Observe: milliseconds(s.observe), Lock: milliseconds(s.lock), Address: milliseconds(s.address),
		Frame: milliseconds(s.frame), State: milliseconds(s.state),
	}
}

// milliseconds are to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// text is an error's, empty where there is none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
