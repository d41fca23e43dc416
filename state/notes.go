package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// noteLimit bounds what is read and written: a note has some hundred bytes, the memory of 100 peers about 10 KiB.
const noteLimit = 64 << 10

// memoryFile is the cluster's. No VIP may be called so.
const memoryFile = "patroni"

// memoryPatience is how long UpdateMemory waits for its lock, which others hold for some 100 µs. A callback is waiting.
const memoryPatience = 200 * time.Millisecond

// NotesOptions says where the notes are kept. OwnerOf may be empty, the others must be set.
type NotesOptions struct {
	Dir     string
	Now     func() policy.Moment // the boot clock
	OwnerOf string               // a path, for example PostgreSQL's data directory, whose owner Dir gets where root has to make it
}

// Notes is the memory that decisions are made with, in a folder under /run. It has no state of its own: any number of
// Notes, in any number of processes, may work on one folder.
type Notes struct {
	folder
	boot  string              // the boot that the notes' moments belong to; empty where /proc does not say
	pause func(time.Duration) // between two tries for a lock
}

var _ reconcile.Store = (*Notes)(nil)

// OpenNotes returns the notes in a folder. Nothing is touched before the first call of a method.
func OpenNotes(o NotesOptions) *Notes {
	return &Notes{folder: newFolder(o.Dir, o.OwnerOf, o.Now), boot: bootID(), pause: time.Sleep}
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(id))
}

// Note returns the VIP's note: a zero one where there is none or where it is from before a reboot, a zero one and an
// error where it cannot be read. The next SaveNote repairs it.
func (n *Notes) VIPState(vip string) (policy.VIPState, error) {
	if err := checkName(vip); err != nil {
		return policy.VIPState{}, err
	}
	return load[policy.VIPState](n, vip)
}

// SaveNote replaces the VIP's note. Fields that a newer vipctl wrote and this one does not know are kept.
func (n *Notes) SaveVIPState(vip string, note policy.VIPState) error {
	if err := checkName(vip); err != nil {
		return err
	}
	return save(n, vip, note)
}

// Memory returns what is remembered of the cluster, under the rules of [Notes.Note].
func (n *Notes) ClusterState() (policy.ClusterState, error) {
	return load[policy.ClusterState](n, memoryFile)
}

// UpdateMemory reads, changes and writes the cluster's memory under a lock of its own, for which it waits 200 ms at the
// most. With [reconcile.ErrBusy] nothing was changed. Any other error may come although the change was saved: a memory
// that could not be read was begun anew, or there could be no lock.
func (n *Notes) UpdateClusterState(change func(*policy.ClusterState)) error {
	unlock, lockErr := n.lock(memoryFile, memoryPatience, heldTooLong)
	if errors.Is(lockErr, reconcile.ErrBusy) {
		return lockErr
	}
	if lockErr == nil {
		defer unlock()
	}
	memory, loadErr := n.ClusterState()
	change(&memory)
	return errors.Join(lockErr, loadErr, save(n, memoryFile, memory))
}

// checkName holds a VIP's name against [A-Za-z0-9._:-]+, which no path can be made of, and refuses the names of folders.
func checkName(vip string) error {
	if vip == "" || vip == memoryFile || vip == "." || vip == ".." {
		return fmt.Errorf("%q cannot be the name of a VIP", vip)
	}
	for _, c := range []byte(vip) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || bytes.IndexByte([]byte("._:-"), c) >= 0) {
			return fmt.Errorf("%q cannot be the name of a VIP: letters, digits and ._:- only", vip)
		}
	}
	return nil
}

const bootField = "boot"

func load[T any](n *Notes, name string) (T, error) {
	var zero, note T
	data, fields, err := n.fields(name)
	if err != nil || fields == nil {
		return zero, err
	}
	if err := json.Unmarshal(data, &note); err != nil {
		return zero, fmt.Errorf("read %s: %w", n.file(name+".json"), err)
	}
	return note, nil
}

// fields returns a note's fields by name, and nil where there is no note of this boot.
func (n *Notes) fields(name string) (data []byte, fields map[string]json.RawMessage, err error) {
	file := name + ".json"
	data, err = n.read(file, noteLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read note: %w", err)
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", n.file(file), err)
	}
	var boot string
	if err := json.Unmarshal(fields[bootField], &boot); err != nil {
		return nil, nil, fmt.Errorf("read %s: the field %q: %w", n.file(file), bootField, err)
	}
	if !n.thisBoot(boot) {
		return nil, nil, nil
	}
	return data, fields, nil
}

// thisBoot reports whether a note is from this boot. Where /proc did not tell the writer or the reader (systemd's
// ProcSubset=pid hides it), a tmpfs is proof enough: it did not outlive a reboot.
func (n *Notes) thisBoot(boot string) bool {
	if boot != "" && n.boot != "" {
		return boot == n.boot
	}
	var st unix.Statfs_t
	return unix.Statfs(n.path, &st) == nil && st.Type == unix.TMPFS_MAGIC
}

func save[T any](n *Notes, name string, note T) error {
	_, fields, err := n.fields(name)
	if err != nil || fields == nil {
		fields = map[string]json.RawMessage{} // unreadable, or another boot's: nothing to keep
	}
	data, err := merge(fields, n.boot, note)
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if len(data) > noteLimit {
		return fmt.Errorf("save %s: %d bytes are more than a note may have", name, len(data))
	}
	if err := n.write(name+".json", data); err != nil {
		return fmt.Errorf("save note: %w", err)
	}
	n.sweep()
	return nil
}

// merge puts the note's fields over those of the file it replaces and leaves the ones it does not know.
func merge[T any](fields map[string]json.RawMessage, boot string, note T) ([]byte, error) {
	for _, known := range fieldNames[T]() {
		delete(fields, known) // an empty one is not written and must not live on
	}
	data, err := json.Marshal(note)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	if fields[bootField], err = json.Marshal(boot); err != nil {
		return nil, err
	}
	data, err = json.Marshal(fields)
	return append(data, '\n'), err
}
