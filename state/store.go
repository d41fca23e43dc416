package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/folder"
)

// The names of documents that are no VIP's. No VIP can have one of them: clusterFile is reserved,
// "@" is not among the characters of a VIP's name.
const (
	clusterFile  = "patroni"
	settingsFile = clusterFile + "@settings"
	routeSuffix  = "@route" // behind the name of a VIP
)

// clusterPatience is how long an update of the cluster state waits for its lock, which others hold
// for some 100 µs. A callback is waiting.
const clusterPatience = 200 * time.Millisecond

// StoreOptions says where a [Store] is kept.
type StoreOptions struct {
	// Dir is the folder, which must be set.
	Dir string
	// Now is the boot clock, which must be set.
	Now func() policy.Moment
	// OwnerOf is a path, for example PostgreSQL's data directory, whose owner Dir gets where root
	// has to make it. With "" it stays root's.
	OwnerOf string
}

// Store keeps the state that decisions are made with, in a folder under /run. It has no state of
// its own: any number of Stores, in any number of processes and goroutines, may work on one folder.
//
// A method that reads returns a zero value where nothing was saved, and where what was saved is
// from before a reboot; a zero value and an error where it cannot be read. The next method that
// saves repairs that.
//
// A method that saves replaces everything, but for fields that this vipctl does not know: those of
// a newer one are kept. With an error, what was there before is still there.
//
// A VIP's name has letters, digits and ._:- only; another one is an error, with nothing done.
type Store struct {
	files documents
	locks locks
}

var _ reconcile.Store = (*Store)(nil)

// OpenStore returns the store in a folder. Nothing is touched before the first call of a method.
func OpenStore(o StoreOptions) *Store {
	dir := folder.New(o.Dir, o.OwnerOf, o.Now)
	return &Store{
		files: documents{Folder: dir, boot: bootID()},
		locks: locks{Folder: dir, pause: time.Sleep},
	}
}

// Lock takes the VIP's lock, for which it waits for patience at the most, and returns what gives it
// back, which may be called more than once. [reconcile.ErrBusy] says that another has it. A lock
// that has been held for over 2 s belongs to a stopped process: the caller gets one that excludes
// nobody. Any other error says that there can be no lock. The lock excludes goroutines of one
// process too, and ends with the process.
func (s *Store) Lock(vip string, patience time.Duration) (unlock func(), err error) {
	if err := checkName(vip); err != nil {
		return nil, err
	}
	return s.locks.take(vip, patience, heldTooLong)
}

// LockRoute takes the lock of a VIP's route, under the rules of [Store.Lock], but without waiting,
// and a lock counts as that of a stopped process after [reconcile.RouteLockAge]. It is independent
// of the VIP's own: the address must not wait while an API does.
func (s *Store) LockRoute(vip string) (unlock func(), err error) {
	if err := checkName(vip); err != nil {
		return nil, err
	}
	return s.locks.take(vip+routeSuffix, 0, reconcile.RouteLockAge)
}

// VIPState returns the VIP state.
func (s *Store) VIPState(vip string) (policy.VIPState, error) {
	if err := checkName(vip); err != nil {
		return policy.VIPState{}, err
	}
	return load[policy.VIPState](s.files, vip)
}

// SaveVIPState replaces the VIP state.
func (s *Store) SaveVIPState(vip string, state policy.VIPState) error {
	if err := checkName(vip); err != nil {
		return err
	}
	return save(s.files, vip, state)
}

// RouteMemo returns the memo of a VIP's route.
func (s *Store) RouteMemo(vip string) (reconcile.RouteMemo, error) {
	if err := checkName(vip); err != nil {
		return reconcile.RouteMemo{}, err
	}
	return load[reconcile.RouteMemo](s.files, vip+routeSuffix)
}

// SaveRouteMemo replaces the memo of a VIP's route. Only who has the route's lock may call it.
func (s *Store) SaveRouteMemo(vip string, memo reconcile.RouteMemo) error {
	if err := checkName(vip); err != nil {
		return err
	}
	return save(s.files, vip+routeSuffix, memo)
}

// ClusterState returns the cluster state.
func (s *Store) ClusterState() (policy.ClusterState, error) {
	return load[policy.ClusterState](s.files, clusterFile)
}

// UpdateClusterState reads, changes and writes the cluster state under a lock of its own, for which it
// waits 200 ms at the most. With [reconcile.ErrBusy] nothing was changed. Any other error may come
// although the change was saved: the state could not be read and was begun anew, or there could be
// no lock.
func (s *Store) UpdateClusterState(change func(*policy.ClusterState)) error {
	unlock, lockErr := s.locks.take(clusterFile, clusterPatience, heldTooLong)
	if errors.Is(lockErr, reconcile.ErrBusy) {
		return lockErr
	}
	if lockErr == nil {
		defer unlock()
	}
	state, loadErr := s.ClusterState()
	change(&state)
	return errors.Join(lockErr, loadErr, save(s.files, clusterFile, state))
}

// settings is the document of PatroniSettings.
type settings struct {
	Settings json.RawMessage `json:"settings,omitempty"`
}

// PatroniSettings returns what SavePatroniSettings saved, byte for byte, and nil where nothing was
// saved in this boot.
func (s *Store) PatroniSettings() (json.RawMessage, error) {
	saved, err := load[settings](s.files, settingsFile)
	return saved.Settings, err
}

// SavePatroniSettings keeps what a run could read of Patroni's own configuration, as JSON, for the
// runs that cannot read it any more.
func (s *Store) SavePatroniSettings(read json.RawMessage) error {
	return save(s.files, settingsFile, settings{read})
}

// Frames returns the account of the frames that links are sent.
func (s *Store) Frames() Frames { return Frames{s.files, s.locks} }

// checkName refuses what cannot be the name of a VIP: anything but [A-Za-z0-9._:-]+, of which no
// path can be made, the names of folders, and the name of the cluster's own file.
func checkName(vip string) error {
	if vip == "" || vip == clusterFile || vip == "." || vip == ".." {
		return fmt.Errorf("%q cannot be the name of a VIP", vip)
	}
	for _, c := range []byte(vip) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || bytes.IndexByte([]byte("._:-"), c) >= 0) {
			return fmt.Errorf("%q cannot be the name of a VIP: letters, digits and ._:- only", vip)
		}
	}
	return nil
}
