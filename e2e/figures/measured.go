package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// measured is one run of `make test-faults`, as e2e/faults writes it.
type measured struct {
	Made   made    `json:"made"`
	Trials []trial `json:"trials"`
}

// made says of what the run was made. What was not to be found out is empty; Patroni
// never is.
type made struct {
	At       time.Time `json:"at"`
	Cores    int       `json:"cores"`
	Vipctl   string    `json:"vipctl"` // tag or commit
	Patroni  string    `json:"patroni"`
	Postgres string    `json:"postgres"`
	Etcd     string    `json:"etcd"`
}

// major is Patroni's major version.
func (m made) major() string {
	major, _, _ := strings.Cut(m.Patroni, ".")
	return major
}

// trial is one fault on a cluster. Times are in milliseconds; nil is what was not looked for, or
// did not happen.
type trial struct {
	Fault    string `json:"fault"`
	Settings string `json:"settings"` // ttl/loop_wait/retry_timeout, in seconds
	Holds    bool   `json:"holds"`
	Seconds  int    `json:"seconds"`

	Outage   *int64 `json:"outage_ms"`
	Flush    *int64 `json:"flush_ms"`
	Direct   *int64 `json:"direct_ms"`
	Nobody   *int64 `json:"nobody_ms"`
	Two      *int64 `json:"two_ms"`
	Gone     *int64 `json:"gone_ms"`
	Lock     *int64 `json:"lock_ms"`
	Early    *int64 `json:"early_ms"`
	Election *int64 `json:"election_ms"`
	Ahead    *int64 `json:"ahead_ms"`

	Deposed   *int64   `json:"deposed"`
	TakenBack int64    `json:"taken_back"` // of those that were looked at for Deposed
	Lost      *int64   `json:"lost"`
	Notes     []string `json:"notes"`
}

// read reads the file of one run. A field that is not known here is an error: no figure is left out
// in silence.
func read(file string) (measured, error) {
	f, err := os.Open(file)
	if err != nil {
		return measured{}, err
	}
	defer f.Close()
	var m measured
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return measured{}, fmt.Errorf("%s: not what make test-faults writes: %w", file, err)
	}
	if err := m.check(); err != nil {
		return measured{}, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

func (m measured) check() error {
	if _, err := strconv.Atoi(m.Made.major()); err != nil {
		return fmt.Errorf("made with patroni %q, want a version such as 4.0.7: each has columns of its own", m.Made.Patroni)
	}
	if len(m.Trials) == 0 {
		return errors.New("no trials")
	}
	for i, t := range m.Trials {
		if t.Fault == "" || t.Settings == "" {
			return fmt.Errorf("trial %d: fault %q with the settings %q, want both", i+1, t.Fault, t.Settings)
		}
	}
	return nil
}
