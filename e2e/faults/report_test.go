package faults_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/tabwriter"
)

// report collects the trials.
type report struct {
	mu     sync.Mutex
	trials []*trial
}

var results report

func (r *report) add(tr *trial) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trials = append(r.trials, tr)
}

// print writes the table for people.
func (r *report) print(out io.Writer) error {
	if len(r.trials) == 0 {
		return nil
	}
	fmt.Fprintln(out, "\nMilliseconds. outage: the longest time without a write through the VIP, beyond that of clients that know every node;")
	fmt.Fprintln(out, "flush: the same of a client that forgets its neighbours every second; direct: what those clients themselves lost; gone:")
	fmt.Fprintln(out, "from the fault until the VIP left the old leader; early: so long before the lock was free; elect: from then until the")
	fmt.Fprintln(out, "successor's first write; deposed: writes through the VIP by a server that had been succeeded.")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FAULT\tT/L/R\tHOLDS\tOUTAGE\tFLUSH\tDIRECT\tNOBODY\tTWO\tGONE\tEARLY\tELECT\tDEPOSED\tLOST\tTOOK")
	for _, tr := range r.trials {
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
	for _, tr := range r.trials {
		for _, n := range tr.Notes {
			fmt.Fprintf(out, "%s: %s\n", tr.Fault, n)
		}
	}
	return nil
}

// write writes the trials as JSON.
func (r *report) write(file string) error {
	if file == "" || len(r.trials) == 0 {
		return nil
	}
	text, err := json.MarshalIndent(r.trials, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}
