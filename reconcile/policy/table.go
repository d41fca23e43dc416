package policy

// row is one line of the policy: when it fits, it decides.
type row struct {
	code Code
	when string // the condition in words, for POLICY.md
	fits func(Facts) bool
	then func(Facts) Verdict
	next *table // instead of code and then: the table that decides
}

// table is an ordered list of rows. The first row that fits decides. The last one has no condition:
// it decides what is left.
type table struct {
	title string
	rows  []row
}

func (t *table) decide(f Facts) Verdict {
	r := t.first(f)
	if r.next != nil {
		return r.next.decide(f)
	}
	v := r.then(f)
	v.Code = r.code
	return v
}

// first returns the row that decides.
func (t *table) first(f Facts) row {
	last := len(t.rows) - 1
	for _, r := range t.rows[:last] {
		if r.fits(f) {
			return r
		}
	}
	return t.rows[last]
}
