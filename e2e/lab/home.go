package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	dirPrefix = "/var/lib/vipctl-lab-"
	nsPrefix  = "vipctl-" // then the lab's ID and the host's name
)

// home is the lab's folder. Whatever else belongs to the lab has its ID in its name, so that it can
// be found and removed when the process that made it is dead.
type home struct {
	dir      string
	prefix   string // of the names of the lab's namespaces
	postgres *syscall.Credential
	lock     *os.File
}

// make gives the lab its ID and its folder, locked for as long as this process lives.
func (h *home) make() (err error) {
	if h.postgres, err = credential("postgres"); err != nil {
		return err
	}
	door, err := lockFile("/run/lock/vipctl-lab", unix.LOCK_EX) // nobody sweeps a folder that is not locked yet
	if err != nil {
		return err
	}
	defer door.Close()
	if err := sweep(); err != nil {
		return err
	}
	random := make([]byte, 2)
	_, _ = rand.Read(random)
	id := fmt.Sprintf("%x", random)
	h.dir, h.prefix = dirPrefix+id, nsPrefix+id+"-"
	if err := os.Mkdir(h.dir, 0o755); err != nil {
		return err
	}
	if h.lock, err = lockFile(h.path("lock"), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(h.lock, os.Getpid()); err != nil {
		return err
	}
	if err := os.Mkdir(h.path("mem"), 0o755); err != nil {
		return err
	}
	return h.tmpfs(h.path("mem"), "1g")
}

func (h *home) path(name ...string) string {
	return filepath.Join(append([]string{h.dir}, name...)...)
}

// tmpfs mounts a file system in memory that is postgres's.
func (h *home) tmpfs(dir, size string) error {
	opts := fmt.Sprintf("size=%s,mode=0755,uid=%d,gid=%d", size, h.postgres.Uid, h.postgres.Gid)
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, opts); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	return nil
}

// postgresDir makes a folder that only postgres may enter.
func (h *home) postgresDir(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.Chown(dir, int(h.postgres.Uid), int(h.postgres.Gid))
}

// remove ends and deletes everything that belongs to the lab, as far as it was made.
func (h *home) remove() (err error) {
	if h.dir != "" {
		err = remove(h.dir)
	}
	if h.lock != nil {
		_ = h.lock.Close()
	}
	return err
}

// sweep removes the labs whose processes are dead. The caller holds the door's lock.
func sweep() error {
	dirs, _ := filepath.Glob(dirPrefix + "*")
	var problems []error
	for _, dir := range dirs {
		lock, err := lockFile(filepath.Join(dir, "lock"), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) {
			continue // alive
		}
		if err == nil {
			defer lock.Close()
		}
		problems = append(problems, remove(dir))
	}
	return errors.Join(problems...)
}

// remove ends and deletes everything that belongs to the lab in dir.
func remove(dir string) error {
	var problems []error
	names, _ := filepath.Glob("/run/netns/" + nsPrefix + strings.TrimPrefix(dir, dirPrefix) + "-*")
	for _, name := range names {
		ns, err := openNamespace(filepath.Base(name))
		if err != nil {
			problems = append(problems, err, ip("netns", "delete", filepath.Base(name)))
			continue
		}
		problems = append(problems, ns.kill(nobody), ns.delete())
	}
	problems = append(problems, unmountBelow(dir), os.RemoveAll(dir))
	return errors.Join(problems...)
}

func unmountBelow(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return err
	}
	var problems []error
	lines := strings.Split(string(mounts), "\n")
	slices.Reverse(lines) // the latest first
	for _, line := range lines {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			problems = append(problems, unix.Unmount(f[1], unix.MNT_DETACH))
		}
	}
	return errors.Join(problems...)
}

func lockFile(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), how); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, err
	}
	number := func(s string) uint32 { n, _ := strconv.ParseUint(s, 10, 32); return uint32(n) }
	c := &syscall.Credential{Uid: number(u.Uid), Gid: number(u.Gid)}
	for _, g := range groups {
		c.Groups = append(c.Groups, number(g))
	}
	return c, nil
}
