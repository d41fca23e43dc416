package lab

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
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

// Lacks says what this machine lacks for a lab, or returns nil.
func Lacks() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root")
	}
	var missing []string
	for _, program := range []string{"ip", "nft", "setcap", "etcd", "patroni"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if findPostgres() == "" {
		missing = append(missing, "postgresql")
	}
	if len(missing) > 0 {
		return fmt.Errorf("the lab needs %s (make deps installs it)", strings.Join(missing, ", "))
	}
	return nil
}

// makeDir gives the lab its ID and its folder, locked for as long as this process lives.
func (l *Lab) makeDir() (err error) {
	if l.postgres, err = credential("postgres"); err != nil {
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
	id := make([]byte, 2)
	_, _ = rand.Read(id)
	l.ID = fmt.Sprintf("%x", id)
	l.Dir, l.prefix = dirPrefix+l.ID, nsPrefix+l.ID+"-"
	if err := os.Mkdir(l.Dir, 0o755); err != nil {
		return err
	}
	if l.lock, err = lockFile(l.path("lock"), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(l.lock, os.Getpid()); err != nil {
		return err
	}
	if err := os.Mkdir(l.path("mem"), 0o755); err != nil {
		return err
	}
	return l.tmpfs(l.path("mem"), "1g")
}

func (l *Lab) tmpfs(dir, size string) error {
	opts := fmt.Sprintf("size=%s,mode=0755,uid=%d,gid=%d", size, l.postgres.Uid, l.postgres.Gid)
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, opts); err != nil {
		return fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
	}
	return nil
}

// Down takes the lab away: processes, namespaces, mounts, files. It may be called again.
func (l *Lab) Down() (err error) {
	l.down.Do(func() {
		for _, n := range l.Nodes {
			n.StopTimer()
		}
		if l.watch != nil {
			close(l.watch.stop)
		}
		if l.Hetzner != nil {
			l.Hetzner.close()
		}
		for _, e := range l.standIns {
			e.down()
		}
		if l.Dir != "" {
			err = remove(l.Dir)
		}
		if l.lock != nil {
			_ = l.lock.Close()
		}
	})
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
