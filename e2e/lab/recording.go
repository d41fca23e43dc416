package lab

import "time"

// Recording is what writers saw between their start and their stop.
type Recording struct {
	From, To time.Time
	Acks     []Ack
	Failures []Failure
	Holders  []Held  // since the lab is up
	Frames   []Frame // since the lab is up

	session string
}

// The targets of writers besides the nodes, which are called by their names.
const (
	ViaVIP   = "vip"
	ViaFlush = "flush" // the VIP too, from a client that forgets its neighbours every second
)

// Ack is a write that a server acknowledged.
type Ack struct {
	Target   string // ViaVIP, ViaFlush or a node's name
	Seq      int
	Start    time.Time // before the connection
	End      time.Time // after the acknowledgement
	Node     string    // who it was that answered
	Timeline int
}

// Failure is a write that failed.
type Failure struct {
	Target     string
	Start, End time.Time
	Why        string
}

// Held says that from a moment on a node had the VIP on a link, or no longer had it.
type Held struct {
	At   time.Time
	Node string
	Has  bool
}

// Frame is an ARP frame about the VIP that the client's link received.
type Frame struct {
	At   time.Time
	Node string // whose MAC sent it, or the MAC
	What string
}
