package lab

import (
	"encoding/json"
	"time"
)

// Transition is one entry of `vipctl history --json`.
type Transition struct {
	At      time.Time `json:"at"`
	VIP     string    `json:"vip"`
	Trigger string    `json:"trigger"`
	By      string    `json:"by"`
	Do      string    `json:"do"`
	Code    string    `json:"code"`
	Reason  string    `json:"reason"`
	TookMS  float64   `json:"took_ms"`
	Error   string    `json:"error"`
}

// History reads the node's history, newest first.
func (n *Node) History() ([]Transition, error) {
	text, err := n.Vipctl("history", "--json")
	if err != nil {
		return nil, err
	}
	var all []Transition
	return all, json.Unmarshal([]byte(text), &all)
}

// Status is the part of `vipctl status --json` that the lab looks at.
type Status struct {
	Node string     `json:"node"`
	Tick *time.Time `json:"last_tick"`
	VIPs []struct {
		Name     string   `json:"name"`
		Present  string   `json:"present"`
		Lease    *float64 `json:"lease_seconds"`
		Code     string   `json:"code"`
		Reason   string   `json:"reason"`
		Conflict *struct {
			MAC string `json:"mac"`
		} `json:"conflict"`
		Route *struct {
			Ours *bool `json:"ours"` // nil where nobody knows
		} `json:"route"`
	} `json:"vips"`
}

// Status asks vipctl on the node. A problem that it has found, which its exit code says, is none here.
func (n *Node) Status() (Status, error) {
	var s Status
	text, err := n.Vipctl("status", "--json")
	if FoundProblem(err) {
		err = nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(text), &s)
}
