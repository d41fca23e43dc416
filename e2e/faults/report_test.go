package faults_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/vipctl/vipctl/e2e/lab"
)

// report collects the trials. Its JSON is what e2e/figures reads.
type report struct {
	mu     sync.Mutex
	Made   made     `json:"made"`
	Trials []*trial `json:"trials"`
}

// made says when and with which programs the figures were made. What cannot be found out is left
// out.
type made struct {
	At       time.Time `json:"at"` // the run began
	Cores    int       `json:"cores"`
	Vipctl   string    `json:"vipctl,omitempty"` // tag or commit, of that moment
	Patroni  string    `json:"patroni,omitempty"`
	Postgres string    `json:"postgres,omitempty"`
	Etcd     string    `json:"etcd,omitempty"`
}

var results = report{Made: made{At: time.Now().UTC().Truncate(time.Second), Cores: runtime.NumCPU(), Vipctl: checkout()}}

// checkout names what is checked out, as the Makefile does for the binary.
func checkout() string {
	out, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// ask finds out which versions the lab's programs have.
func (m *made) ask() {
	if release, err := lab.FindPatroni(*patroni); err == nil {
		m.Patroni = release.Version
	}
	m.Etcd = version("etcd")
	// Among several the lab takes the last, too.
	if servers, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres"); len(servers) > 0 {
		m.Postgres = version(servers[len(servers)-1])
	}
}

// version returns the first number that the program names when it is asked.
func version(program string) string {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return ""
	}
	return versionNumber.FindString(string(out))
}

var versionNumber = regexp.MustCompile(`\b[0-9][0-9a-z.]*`)

func (r *report) add(tr *trial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Trials = append(r.Trials, tr)
}

// print writes the table for people.
func (r *report) print(out io.Writer) error {
	if len(r.Trials) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nMilliseconds. outage: the longest time without a write through the VIP, beyond that of clients that know every node;")
	fmt.Fprintln(out, "flush: the same of a client that forgets its neighbours every second; direct: what those clients themselves lost; gone:")
	fmt.Fprintln(out, "from the fault until the VIP left the old leader; early: so long before the lock was free; elect: from then until the")
	fmt.Fprintln(out, "successor's first write; deposed: writes through the VIP by a server that had been succeeded.")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tT/L/R\tHOLDS\tOUTAGE\tFLUSH\tDIRECT\tNOBODY\tTWO\tGONE\tEARLY\tELECT\tDEPOSED\tLOST\tTOOK")
	for _, tr := range r.Trials {
		cells := []string{tr.Fault, tr.Settings, map[bool]string{true: "yes", false: "NO"}[tr.Holds]}
		for _, n := range []*int64{tr.Outage, tr.Flush, tr.Direct, tr.Nobody, tr.Two, tr.Gone, tr.Early, tr.Election} {
			cells = append(cells, number(n))
		}
		for _, n := range []*int{tr.Deposed, tr.LostWrites} {
			cell := ""
			if n != nil {
				cell = fmt.Sprint(*n)
			}
			cells = append(cells, cell)
		}
		fmt.Fprintln(w, strings.Join(append(cells, fmt.Sprintf("%d s", tr.Seconds)), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, tr := range r.Trials {
		for _, n := range tr.Notes {
			fmt.Fprintf(out, "%s: %s\n", tr.Fault, n)
		}
	}
	return nil
}

// write writes all as JSON.
func (r *report) write(file string) error {
	if file == "" || len(r.Trials) == 0 {
		return nil
	}
	r.Made.ask()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func TestReport(t *testing.T) {
	outage := int64(3)
	r := report{Made: results.Made, Trials: []*trial{{Fault: "switchover 1", Settings: "20/2/3", Holds: true, Outage: &outage}}}
	file := filepath.Join(t.TempDir(), "build", "faults.json")
	if err := r.write(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Made   made
		Trials []map[string]any
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Made != r.Made || got.Made.Cores == 0 || got.Made.At.IsZero() {
		t.Errorf("made %+v, want %+v", got.Made, r.Made)
	}
	if len(got.Trials) != 1 || got.Trials[0]["fault"] != "switchover 1" || got.Trials[0]["outage_ms"] != 3.0 {
		t.Errorf("trials: %v", got.Trials)
	}
}

func TestVersionNumber(t *testing.T) {
	for said, want := range map[string]string{
		"postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n": "15.18",
		"postgres (PostgreSQL) 18beta1\n":                        "18beta1",
		"etcd Version: 3.4.23\nGit SHA: 3e3\nGo Version: go1.19": "3.4.23",
		"no idea\n": "",
	} {
		if got := versionNumber.FindString(said); got != want {
			t.Errorf("%q: got %q, want %q", said, got, want)
		}
	}
}
