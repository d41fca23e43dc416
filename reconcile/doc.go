// Package reconcile carries out the policy of whether this host should have a VIP.
//
// Package policy decides: one pure function from facts to a verdict. [Engine] gathers the facts,
// carries the verdict out and says what it did. Everything that the engine touches is behind an
// interface of this package ([Address], [Patroni], [Store], [History], [Clock], [Route]), so that
// policy and engine need nothing but the standard library. Packages addresstest and routetest hold
// the contracts of [Address] and [Route] as tests.
//
// Read it downwards: engine.go, viprun.go (one VIP's run), run.go (what the VIPs of a run share,
// and its questions to the cluster), routeswitch.go, handover.go, ports.go.
package reconcile
