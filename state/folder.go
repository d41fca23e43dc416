package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/reconcile/policy"
)

const (
	fileMode   = 0o640
	folderMode = 0o750
)

// leftOver is how old a temporary file must be before it counts as left there by a process that was killed.
const leftOver = time.Minute

// A folder holds files that take its owner and group, whoever writes them: what root leaves behind, postgres can use.
type folder struct {
	path    string
	ownerOf string // whose owner the folder gets where root has to make it
	now     func() policy.Moment
	temps   *atomic.Uint64 // tells the temporary files of one process apart
}

func newFolder(path, ownerOf string, now func() policy.Moment) folder {
	return folder{path: path, ownerOf: ownerOf, now: now, temps: new(atomic.Uint64)}
}

func (d folder) file(name string) string { return filepath.Join(d.path, name) }

// make creates the folder where it is missing.
func (d folder) make() error {
	if _, err := os.Stat(d.path); err == nil {
		return nil
	}
	if err := os.MkdirAll(d.path, folderMode); err != nil {
		return err
	}
	if os.Geteuid() == 0 && d.ownerOf != "" {
		if uid, gid, ok := owner(d.ownerOf); ok {
			_ = os.Lchown(d.path, uid, gid)
		}
	}
	return nil
}

func owner(path string) (uid, gid int, ok bool) {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return 0, 0, false
	}
	return int(st.Uid), int(st.Gid), true
}

// adopt gives f the folder's owner, group and mode as far as this process may: a postgres that writes into root's folder
// can at most pass on the group.
func (d folder) adopt(f *os.File) {
	_ = f.Chmod(fileMode)
	uid, gid, ok := owner(d.path)
	var st unix.Stat_t
	if !ok || unix.Fstat(int(f.Fd()), &st) != nil || (int(st.Uid) == uid && int(st.Gid) == gid) {
		return
	}
	if f.Chown(uid, gid) != nil {
		_ = f.Chown(-1, gid)
	}
}

// temp creates a file beside name, under a name that no VIP can have: "~" is not among a name's characters.
func (d folder) temp(name string) (*os.File, error) {
	create := func() (*os.File, error) {
		unique := fmt.Sprintf("%s~%d-%d-%d", name, d.now(), os.Getpid(), d.temps.Add(1))
		return os.OpenFile(d.file(unique), os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	}
	f, err := create()
	if errors.Is(err, fs.ErrNotExist) { // wiped
		if err := d.make(); err != nil {
			return nil, err
		}
		f, err = create()
	}
	if err != nil {
		return nil, err
	}
	d.adopt(f)
	return f, nil
}

// write replaces the file, whoever it belongs to: a rename needs the folder only.
func (d folder) write(name string, data []byte) error {
	f, err := d.temp(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.file(name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// place creates an empty file where there is none, with its owner and mode from the first instant on: a file that exists
// before it has them shuts others out for that long. One that is there already stays.
func (d folder) place(name string) error {
	f, err := d.temp(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.publish(f.Name(), name)
}

// publish moves a temporary file to its name unless there is a file of that name, and then drops it.
func (d folder) publish(temp, name string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, d.file(name), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system without the flag, NFS for one
		err = os.Link(temp, d.file(name))
		_ = os.Remove(temp)
	} else if err != nil {
		_ = os.Remove(temp)
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return &fs.PathError{Op: "create", Path: d.file(name), Err: err}
}

// open opens a file of the folder, and nothing but a plain file with one name: root must not be led elsewhere by a link
// that the folder's owner put there.
func (d folder) open(name string, flag int) (*os.File, error) {
	f, err := os.OpenFile(d.file(name), flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink <= 1 {
		return f, nil
	}
	f.Close()
	return nil, fmt.Errorf("%s: not a plain file with one name", d.file(name))
}

// read reads a file of at most limit bytes.
func (d folder) read(name string, limit int64) ([]byte, error) {
	f, err := d.open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d bytes", d.file(name), limit)
	}
	return data, err
}

// has reports whether f is the file that carries the name now.
func (d folder) has(name string, f *os.File) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(d.file(name))
	return err == nil && os.SameFile(mine, there)
}

// sweep removes the temporary files of processes that were killed. Their age is in their names, in the boot clock's
// time, so that a step of the wall clock cannot make a live process's file look old.
func (d folder) sweep() {
	dir, err := os.Open(d.path)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	now := d.now()
	for _, name := range names {
		_, mark, temporary := strings.Cut(name, "~")
		if !temporary {
			continue
		}
		born, _, _ := strings.Cut(mark, "-")
		at, err := strconv.ParseInt(born, 10, 64)
		if age := now - policy.Moment(at); err == nil && (age > leftOver || age < 0) {
			_ = os.Remove(d.file(name))
		}
	}
}
