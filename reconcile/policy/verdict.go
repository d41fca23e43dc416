package policy

import (
	"fmt"
	"time"
)

// Do is what a verdict wants done.
type Do string

// What can be done. Ask is not an end: the engine fetches what is missing and decides again.
const (
	doNothing  Do = "none"
	DoKeep     Do = "keep" // have the address here until a given end: claim it, or renew it
	DoRelease  Do = "release"
	DoHandOver Do = "hand_over"
	DoAsk      Do = "ask"
)

// Code names the row of the policy that a verdict comes from. Codes are a contract: added, never
// renamed.
type Code string

// The codes of verdicts. docs/operations.md explains each of them, a test holds it against this list.
const (
	codeHeld             Code = "held"
	codeHoldOverruled    Code = "hold_overruled"
	codeStopped          Code = "stopped"
	codePromoted         Code = "promoted"
	codeClaimUndone      Code = "claim_undone"
	codeClaimUnconfirmed Code = "claim_unconfirmed"
	codeStartUnconfirmed Code = "start_unconfirmed"
	codeDemoted          Code = "demoted"
	codeReload           Code = "reload"
	codeOperator         Code = "operator"
	codeRefused          Code = "refused"
	codeUnheard          Code = "unheard" // of DoAsk: something is not known yet
	codeTwoLeaders       Code = "two_leaders"
	codeLeaderPaused     Code = "leader_paused"
	codePausedNoDCS      Code = "paused_dcs_unreachable"
	codeLeaderFailsafe   Code = "leader_failsafe"
	codeLeaderStopping   Code = "leader_stopping"
	codeLeaderUnproven   Code = "leader_unproven"
	codeLeaderStale      Code = "leader_stale"
	codeAddressMissing   Code = "address_missing"
	codeClaimCutShort    Code = "claim_cut_short"
	codeLeader           Code = "leader"
	codeLeaderNotRunning Code = "leader_not_running"
	codeLeaderChanging   Code = "leader_changing"
	codeNotFollowed      Code = "not_followed"
	codeHandingOver      Code = "handing_over"
	codePostgreSQLDown   Code = "postgresql_down"
	codeAskAgain         Code = "ask_again"
	codeLockRetaken      Code = "lock_being_retaken"
	codeNotLeader        Code = "not_leader"
	codeSilentDown       Code = "silent_postgresql_down"
	codeSilentLost       Code = "silent_lock_lost"
	codeSilentPaused     Code = "silent_paused"
	codeSilentLeased     Code = "silent_leased"
	codeSilentExpired    Code = "silent_expired"
	codeLeaseEnded       Code = "lease_ended"
	codeNotHolder        Code = "not_holder"
)

// Refused reports whether an operator's order was refused.
func (c Code) Refused() bool { return c == codeRefused }

// Verdict is a decision with its reason.
type Verdict struct {
	Do   Do
	Code Code
	Why  string // for people, a few words

	// Until is, for DoKeep, until when the lock is certainly ours.
	Until Moment
	// Forever says that the kernel's address shall have no end all the same.
	Forever bool

	Ask Question // for DoAsk
}

// KernelEnd is the end that the kernel is given for DoKeep.
func (v Verdict) KernelEnd() Moment {
	if v.Forever {
		return Forever
	}
	return v.Until
}

// Question is what a verdict needs to know first.
type Question struct {
	Patroni bool          // what our Patroni says
	Peers   bool          // what the peers say
	Rivals  bool          // of the peers only whether one leads, beside Patroni; the verdict does not wait for it
	DCS     bool          // where no peer answers: our own Patroni's view of the DCS, who holds the lock
	After   time.Duration // wait this long first
	Within  time.Duration // the deadline; 0 leaves it to the asked
}

func nothing(why string, args ...any) Verdict {
	return Verdict{Do: doNothing, Why: fmt.Sprintf(why, args...)}
}

func release(why string, args ...any) Verdict {
	return Verdict{Do: DoRelease, Why: fmt.Sprintf(why, args...)}
}

func handOver(why string, args ...any) Verdict {
	return Verdict{Do: DoHandOver, Why: fmt.Sprintf(why, args...)}
}

func ask(q Question) Verdict { return Verdict{Do: DoAsk, Why: "asking", Ask: q} }

// Leaves reports whether the verdict leaves an address here that may be here.
func (v Verdict) Leaves(f Facts) bool {
	return v.Do == DoKeep || v.Do == doNothing && f.MayBeHere()
}
