package policy

import (
	"encoding/json"
	"testing"
	"time"
)

func TestMoment(t *testing.T) {
	early, late := SinceBoot(time.Second), SinceBoot(3*time.Second)
	if early.Add(2*time.Second) != late || late.Sub(early) != 2*time.Second {
		t.Errorf("%v and 2 s is %v; between them are %v", early, early.Add(2*time.Second), late.Sub(early))
	}
	for _, c := range []struct {
		a, b          Moment
		before, after bool
	}{{early, late, true, false}, {late, early, false, true}, {early, early, false, false}} {
		if c.a.Before(c.b) != c.before || c.a.After(c.b) != c.after {
			t.Errorf("%v before %v: %v, after: %v", c.a, c.b, c.a.Before(c.b), c.a.After(c.b))
		}
		if c.a.Min(c.b).After(c.a.Max(c.b)) || c.a.Min(c.b) == late && c.a != c.b {
			t.Errorf("of %v and %v the earlier is %v, the later %v", c.a, c.b, c.a.Min(c.b), c.a.Max(c.b))
		}
	}
	if early.IsZero() || !(Moment{}).IsZero() {
		t.Error("the zero Moment alone is zero")
	}
}

// TestMomentJSON: nanoseconds, and nothing where it is not known.
func TestMomentJSON(t *testing.T) {
	type document struct {
		At    Moment `json:"at"`
		Maybe Moment `json:"maybe,omitzero"`
	}
	for _, c := range []struct {
		d    document
		text string
	}{
		{document{}, `{"at":0}`},
		{document{SinceBoot(1500 * time.Millisecond), SinceBoot(1)}, `{"at":1500000000,"maybe":1}`},
		{document{Forever, Moment{}}, `{"at":9223372036854775807}`},
	} {
		got, err := json.Marshal(c.d)
		if err != nil || string(got) != c.text {
			t.Errorf("%s, %v; want %s", got, err, c.text)
		}
		var back document
		if err := json.Unmarshal([]byte(c.text), &back); err != nil || back != c.d {
			t.Errorf("%s: %+v, %v", c.text, back, err)
		}
	}
	if err := json.Unmarshal([]byte(`"noon"`), new(Moment)); err == nil {
		t.Error("a text is a Moment")
	}
}
