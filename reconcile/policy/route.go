package policy

// routeStep is what the route of an address that is vouched for needs next.
type routeStep string

// The steps.
const (
	routeNothing routeStep = "nothing"
	RouteAsk     routeStep = "ask" // ask who has it, and take it from another
	RouteTake    routeStep = "take"
)

// RouteFacts is what the next step of a route depends on.
type RouteFacts struct {
	Now      Moment
	Claim    uint64 // the address's claim
	TakenFor uint64 // the claim that the route was last taken for; 0 where that is not known
	Pending  bool   // a switch was begun, and its end is not known
	Due      Moment // when the route is worth asking again; 0 is at once
}

// Next decides what a route needs. A fresh claim, and one with a switch whose end is not known,
// take the route at once: one call does, whoever has it. What an API has asked to wait for is the
// provider's own to keep.
func (f RouteFacts) Next() routeStep {
	switch {
	case f.TakenFor != f.Claim:
		return RouteTake
	case f.Due.After(f.Now):
		return routeNothing
	case f.Pending:
		return RouteTake
	}
	return RouteAsk
}
