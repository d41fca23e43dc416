package policy

import "testing"

func TestNextrouteStep(t *testing.T) {
	for name, c := range map[string]struct {
		facts RouteFacts
		want  routeStep
	}{
		"no memo":                   {RouteFacts{}, RouteTake},
		"another claim's":           {RouteFacts{TakenFor: 6, Due: now.Add(1)}, RouteTake},
		"another claim's, pending":  {RouteFacts{TakenFor: 8, Due: now.Add(1), Pending: true}, RouteTake},
		"pending, due":              {RouteFacts{TakenFor: 7, Due: now, Pending: true}, RouteTake},
		"pending, not due":          {RouteFacts{TakenFor: 7, Due: now.Add(1), Pending: true}, routeNothing},
		"taken, a question is due":  {RouteFacts{TakenFor: 7, Due: now}, RouteAsk},
		"taken, none is due":        {RouteFacts{TakenFor: 7, Due: now.Add(1)}, routeNothing},
		"taken, nobody knows since": {RouteFacts{TakenFor: 7}, RouteAsk},
	} {
		c.facts.Now, c.facts.Claim = now, 7
		if got := c.facts.Next(); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
