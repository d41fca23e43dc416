package lab

import (
	"os"
	"strings"
	"testing"
)

func TestRelease(t *testing.T) {
	for _, tt := range []struct {
		said, version string
		beforeStop    bool
		primary       string
	}{
		{"patroni 2.1.7\n", "2.1.7", false, "master"},
		{"patroni 3.0.2\n", "3.0.2", false, "master"},
		{"patroni 3.0.3\n", "3.0.3", true, "master"},
		{"patroni 3.3.11\n", "3.3.11", true, "master"},
		{"patroni 4.0.0b1\n", "4.0.0b1", true, "primary"},
		{"patroni 4.0.7\n", "4.0.7", true, "primary"},
		{"patroni 10.0.0\n", "10.0.0", true, "primary"},
	} {
		r, err := Release{}.called(tt.said)
		if err != nil || r.Version != tt.version || r.hasBeforeStop() != tt.beforeStop || r.Primary() != tt.primary {
			t.Errorf("%q: got %+v (%v), before_stop %t, a primary is called %q", tt.said, r, err, r.hasBeforeStop(), r.Primary())
		}
	}
	for _, said := range []string{"", "patroni\n", "patroni 4\n", "usage: patroni\n"} {
		if r, err := (Release{}).called(said); err == nil {
			t.Errorf("%q: got %+v, want an error", said, r)
		}
	}
}

func TestFindPatroni(t *testing.T) {
	if _, err := os.Stat(Release{}.program()); err != nil {
		t.Skipf("no Patroni is installed: %v", err)
	}
	installed, err := FindPatroni(0)
	if err != nil {
		t.Fatal(err)
	}
	if same, err := FindPatroni(installed.major()); err != nil || same.Version != installed.Version {
		t.Errorf("found %s by its major version, want the installed %s (%v)", same.Version, installed.Version, err)
	}
	if other, err := FindPatroni(99); err == nil || !strings.Contains(err.Error(), "e2e/deps.sh 99") {
		t.Errorf("got %+v and %v, want an error that says what to run", other, err)
	}
}
