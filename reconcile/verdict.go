package reconcile

import (
	"fmt"
	"time"
)

// Do is what a verdict wants done.
type Do string

// What can be done. Ask is not an end: the engine fetches what is missing and decides again.
const (
	DoNothing  Do = "none"
	DoKeep     Do = "hold"
	DoRelease  Do = "release"
	DoHandOver Do = "hand_over"
	DoAsk      Do = "ask"
)

// Code names the row of the policy that a verdict comes from. Codes are a contract: added, never renamed.
type Code string

// The rows, in the order of DESIGN.md.
const (
	codeHeld             Code = "held"              // c0, 1
	codeHoldOverruled    Code = "hold_overruled"    // 1
	codeStopped          Code = "stopped"           // c1
	CodePromoted         Code = "promoted"          // c2
	codeClaimUndone      Code = "claim_undone"      // c2, the second look
	codeClaimUnconfirmed Code = "claim_unconfirmed" // c2, the second look
	codeStartUnconfirmed Code = "start_unconfirmed" // c3
	codeDemoted          Code = "demoted"           // c4
	codeReload           Code = "reload"            // c5
	CodeOperator         Code = "operator"
	CodeRefused          Code = "refused"
	codeUnasked          Code = "unheard"                // DoAsk: nothing is known yet
	codeTwoLeaders       Code = "two_leaders"            // 3
	codeLeaderPaused     Code = "leader_paused"          // 4
	codePausedNoDCS      Code = "paused_dcs_unreachable" // 5
	codeLeaderFailsafe   Code = "leader_failsafe"        // 6
	codeLeaderStopping   Code = "leader_stopping"        // 7
	codeLeaderUnproven   Code = "leader_unproven"        // 8
	codeLeaderStale      Code = "leader_stale"           // 8
	codeAddressMissing   Code = "address_missing"        // 9
	codeClaimCutShort    Code = "claim_cut_short"        // 9
	codeLeader           Code = "leader"                 // 10
	codeLeaderNotRunning Code = "leader_not_running"     // 11
	codeLeaderChanging   Code = "leader_changing"        // 12
	codeNotFollowed      Code = "not_followed"           // 13
	codeHandingOver      Code = "handing_over"           // 14, 19
	codePostgreSQLDown   Code = "postgresql_down"        // 15
	codeAskAgain         Code = "ask_again"              // 16
	codeLockRetaken      Code = "lock_being_retaken"     // 17
	codeNotLeader        Code = "not_leader"             // 18
	codeSilentDown       Code = "silent_postgresql_down" // 21
	codeSilentLost       Code = "silent_lock_lost"       // 20
	codeSilentPaused     Code = "silent_paused"          // 22
	codeSilentLeased     Code = "silent_leased"          // 23
	codeSilentExpired    Code = "silent_expired"         // 24
	codeLeaseEnded       Code = "lease_ended"            // 25, with a claim on the note
	codeNotHolder        Code = "not_holder"             // 25
	CodeConflict         Code = "conflict"               // no verdict's: a record's
	CodeRoute            Code = "route"                  // likewise
)

// Verdict is a decision with its reason.
type Verdict struct {
	Do   Do
	Code Code
	Why  string // for people, a few words

	// Until is, for a hold, until when the lock is certainly ours. Forever says that the kernel's address shall have
	// no end all the same.
	Until   Moment
	Forever bool

	Ask Question // for DoAsk
}

// Question is what a verdict needs to know first.
type Question struct {
	Patroni bool
	Peers   bool
	Rivals  bool          // of the peers only whether one leads, beside the question for Patroni; not what a verdict waits for
	DCS     bool          // where no peer answers: our own Patroni's view of the DCS, who holds the lock
	After   time.Duration // wait this long first
	Within  time.Duration // the deadline; 0 leaves it to the asked
}

func nothing(c Code, why string, args ...any) Verdict {
	return Verdict{Do: DoNothing, Code: c, Why: fmt.Sprintf(why, args...)}
}

func release(c Code, why string, args ...any) Verdict {
	return Verdict{Do: DoRelease, Code: c, Why: fmt.Sprintf(why, args...)}
}

func handOver(c Code, why string, args ...any) Verdict {
	return Verdict{Do: DoHandOver, Code: c, Why: fmt.Sprintf(why, args...)}
}

func ask(c Code, q Question) Verdict { return Verdict{Do: DoAsk, Code: c, Why: "asking", Ask: q} }
