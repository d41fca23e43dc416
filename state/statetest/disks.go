package statetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// OnFullDisk runs a child in a user and mount namespace of its own, where it may call [Mount], and
// fails the test with its error. The argument of the child is an empty folder.
func OnFullDisk(t *testing.T, child string) {
	t.Helper()
	p := Command(t, child, t.TempDir())
	p.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := p.Output()
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) {
		t.Skipf("no user namespaces on this machine: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// Mount makes a folder with a file system of its own, of 256 KiB.
func Mount(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
		return fmt.Errorf("mount: %w", err)
	}
	return nil
}

// Fill takes all the room of a file system but for some bytes, and returns what gives it back.
func Fill(dir string, leave int64) (free func(), err error) {
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		if _, err = f.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	if !errors.Is(err, unix.ENOSPC) {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return func() { os.Remove(f.Name()) }, f.Truncate(info.Size() - leave)
}

// OwnedBy fails where a file of one of the folders has another owner, group or mode.
func OwnedBy(t testing.TB, uid, gid uint32, mode os.FileMode, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		files, err := os.ReadDir(dir)
		check(t, err)
		for _, f := range files {
			var st unix.Stat_t
			check(t, unix.Lstat(filepath.Join(dir, f.Name()), &st))
			if st.Uid != uid || st.Gid != gid || st.Mode&0o777 != uint32(mode) {
				t.Errorf("%s: %d:%d, mode %o", f.Name(), st.Uid, st.Gid, st.Mode&0o777)
			}
		}
	}
}
