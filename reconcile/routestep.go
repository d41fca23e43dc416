package reconcile

// routeStep is what the route of an address that is vouched for needs next.
type routeStep string

// The steps.
const (
	routeNothing routeStep = "nothing"
	routeAsk     routeStep = "ask" // ask who has it, and take it from another
	routeTake    routeStep = "take"
)

// routeFacts is what the next step of a route depends on.
type routeFacts struct {
	Now      Moment
	Claim    uint64 // the address's claim
	TakenFor uint64 // the claim that the route was last taken for; 0 where that is not known
	Pending  bool   // a switch was begun, and its end is not known
	Due      Moment // when the route is worth asking again; 0 is at once
}

// nextRouteStep decides what a route needs. A fresh claim, and one with a switch whose end is not
// known, take the route at once: one call does, whoever has it. What an API has asked to wait for
// is the provider's own to keep.
func nextRouteStep(f routeFacts) routeStep {
	switch {
	case f.TakenFor != f.Claim:
		return routeTake
	case f.Due > f.Now:
		return routeNothing
	case f.Pending:
		return routeTake
	}
	return routeAsk
}
