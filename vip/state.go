package vip

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// stateOf says whether the address is here as it should be, and what is odd about it.
func stateOf(own ownership, now policy.Moment) policy.AddressState {
	s := own.survey
	var odd []string
	state := policy.AddressState{Presence: policy.PresenceNo}
	if s.link == nil {
		odd = append(odd, s.noLink.Error())
	}
	if len(s.here) > 0 {
		state.Presence = policy.PresenceYes
		state.Forever, state.End = lastEnd(s.here, now)
		if s.link.RawFlags&unix.IFF_UP == 0 {
			state.Presence = policy.PresencePartly
			odd = append(odd, s.link.Name+" is down")
		}
	}
	wanted := slices.ContainsFunc(s.here, s.wanted)
	for _, c := range s.here {
		why := own.reason(c)
		switch {
		case why != "":
			why = errOwn.Error() + ", " + why
		case !s.wanted(c):
			why = unwanted(c, wanted)
		default:
			continue
		}
		state.Presence = policy.PresencePartly
		odd = append(odd, why)
	}
	if len(s.elsewhere) > 0 {
		odd = append(odd, also(len(s.here) > 0)+"on "+s.rtnl.linkNames(s.elsewhere))
	}
	state.Detail = strings.Join(odd, ", ")
	return state
}

// unwanted says how a copy differs from the one that Hold puts there.
func unwanted(c netlink.Addr, wantedToo bool) string {
	switch {
	case c.Flags&unix.IFA_F_DADFAILED != 0:
		return "duplicate address detection failed"
	case c.Peer != nil:
		return also(wantedToo) + "with peer " + c.Peer.String()
	}
	return fmt.Sprintf("%sas /%d", also(wantedToo), bits(c))
}

func also(too bool) string {
	if too {
		return "also "
	}
	return ""
}
