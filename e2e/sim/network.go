package sim

// network says who reaches whom. A host is named by its node's name, a client's, or "stranger".
type network struct {
	pulled map[string]bool    // no cable
	cut    map[[2]string]bool // the pair cannot talk
	noEtcd map[string]bool    // etcd's packets vanish on the node
	noREST map[string]bool    // the REST API's packets between the node and others vanish
}

func newNetwork() *network {
	return &network{map[string]bool{}, map[[2]string]bool{}, map[string]bool{}, map[string]bool{}}
}

func pair(a, b string) [2]string {
	if b < a {
		a, b = b, a
	}
	return [2]string{a, b}
}

// reaches reports whether packets go from a to b and back.
func (n *network) reaches(a, b string) bool {
	if a == b {
		return true
	}
	return !n.pulled[a] && !n.pulled[b] && !n.cut[pair(a, b)]
}

func (n *network) reachesREST(a, b string) bool {
	return a == b || n.reaches(a, b) && !n.noREST[a] && !n.noREST[b]
}

func (n *network) reachesEtcd(a, b string) bool {
	return n.reaches(a, b) && !n.noEtcd[a] && !n.noEtcd[b]
}
