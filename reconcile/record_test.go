package reconcile

import (
	"encoding/json"
	"testing"
	"time"
)

func TestStamp(t *testing.T) {
	east := time.FixedZone("east", 2*60*60)
	got, err := json.Marshal(Stamp{time.Date(2026, 11, 20, 23, 1, 2, 3_456_789, east)})
	if want := `"2026-11-20T21:01:02.003Z"`; err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}
