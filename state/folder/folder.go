// Package folder keeps files in a folder that several users write to, root and PostgreSQL's among
// them. Whoever writes a file, it gets the folder's owner and group, and no link that the folder's
// owner put there leads anywhere else.
package folder

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

// FileMode is the mode of every file in a [Folder].
const FileMode = 0o640

const folderMode = 0o750

// leftOver is how old a temporary file must be to count as left there by a process that was killed.
const leftOver = time.Minute

// A Folder holds files that take the folder's owner and group, whoever writes them: PostgreSQL's
// user can use what root leaves behind. A Folder may be copied. Its methods may be called by many
// goroutines, and any number of processes may use one folder at once.
type Folder struct {
	// Path is where the folder is. A folder that is missing is made by the first method that
	// creates a file.
	Path string
	// Now is the boot clock. It tells how old a temporary file is.
	Now func() policy.Moment

	ownerOf string         // whose owner the folder gets where root has to make it
	temps   *atomic.Uint64 // tells the temporary files of one process apart
}

// New returns the folder at a path. Nothing is touched before the first call of a method. OwnerOf
// is a path whose owner the folder gets where root has to make it; with "" it stays root's. Now is
// the boot clock.
func New(path, ownerOf string, now func() policy.Moment) Folder {
	return Folder{Path: path, Now: now, ownerOf: ownerOf, temps: new(atomic.Uint64)}
}

// File returns the path of a file in the folder.
func (d Folder) File(name string) string { return filepath.Join(d.Path, name) }

// Make creates the folder, and those above it, where it is missing. It is no error where it exists.
func (d Folder) Make() error {
	if _, err := os.Stat(d.Path); err == nil {
		return nil
	}
	if err := os.MkdirAll(d.Path, folderMode); err != nil {
		return err
	}
	if os.Geteuid() == 0 && d.ownerOf != "" {
		if uid, gid, ok := owner(d.ownerOf); ok {
			_ = os.Lchown(d.Path, uid, gid)
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

// adopt gives f the folder's owner, group and mode as far as this process may. PostgreSQL's user,
// writing into root's folder, can at most pass on the group.
func (d Folder) adopt(f *os.File) {
	_ = f.Chmod(FileMode)
	uid, gid, ok := owner(d.Path)
	var st unix.Stat_t
	if !ok || unix.Fstat(int(f.Fd()), &st) != nil || (int(st.Uid) == uid && int(st.Gid) == gid) {
		return
	}
	if f.Chown(uid, gid) != nil {
		_ = f.Chown(-1, gid)
	}
}

// Temp creates a file beside name, open for reading and writing. Its own name has "~" in it, which
// no VIP can have. The caller closes it, and removes it or gives it its name with [Folder.Publish];
// [Folder.Sweep] removes those of killed processes.
func (d Folder) Temp(name string) (*os.File, error) {
	create := func() (*os.File, error) {
		unique := fmt.Sprintf("%s~%d-%d-%d", name, d.Now().SinceBoot(), os.Getpid(), d.temps.Add(1))
		return os.OpenFile(d.File(unique), os.O_RDWR|os.O_CREATE|os.O_EXCL, FileMode)
	}
	f, err := create()
	if errors.Is(err, fs.ErrNotExist) { // the folder was wiped
		if err := d.Make(); err != nil {
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

// Write replaces a file in one step: a reader sees the old content or the new one. It does not
// matter whose the old file is, because a rename needs the right to write to the folder only.
// Nothing is synced to disk. With an error the old file is as it was.
func (d Folder) Write(name string, data []byte) error {
	f, err := d.Temp(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), d.File(name))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Place creates an empty file where there is none. The file has its owner and mode from its first
// instant on: one that got them later would shut others out for that long. A file that exists stays
// as it is, and that is no error.
func (d Folder) Place(name string) error {
	f, err := d.Temp(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.Publish(f.Name(), name)
}

// Publish moves a temporary file to its name, unless there is a file of that name: then it removes
// the temporary file, and that is no error.
func (d Folder) Publish(temp, name string) error {
	err := unix.Renameat2(unix.AT_FDCWD, temp, unix.AT_FDCWD, d.File(name), unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) { // a file system without the flag, for example NFS
		err = os.Link(temp, d.File(name))
		_ = os.Remove(temp)
	} else if err != nil {
		_ = os.Remove(temp)
	}
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	return &fs.PathError{Op: "create", Path: d.File(name), Err: err}
}

// Open opens a file of the folder with the flags of [os.OpenFile]. It refuses everything but a
// plain file that has one name: a link put there by the folder's owner must not lead root
// elsewhere, and a fifo would block. A missing file is [fs.ErrNotExist].
func (d Folder) Open(name string, flag int) (*os.File, error) {
	f, err := os.OpenFile(d.File(name), flag|unix.O_NOFOLLOW|unix.O_NONBLOCK, FileMode)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink <= 1 {
		return f, nil
	}
	f.Close()
	return nil, fmt.Errorf("%s: not a plain file with one name", d.File(name))
}

// Read returns the content of a file, under the rules of [Folder.Open]. A file of more than limit
// bytes is an error.
func (d Folder) Read(name string, limit int64) ([]byte, error) {
	f, err := d.Open(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, fmt.Errorf("%s: larger than %d bytes", d.File(name), limit)
	}
	return data, err
}

// Has reports whether f is the file that has the name now: another process may have renamed,
// removed or replaced it since it was opened.
func (d Folder) Has(name string, f *os.File) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(d.File(name))
	return err == nil && os.SameFile(mine, there)
}

// Sweep removes the temporary files of processes that were killed: those that are older than a
// minute. The age is in their names, in the boot clock's time, so that a step of the wall clock
// cannot make a live process's file look old. What cannot be removed stays for the next call.
func (d Folder) Sweep() {
	dir, err := os.Open(d.Path)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	now := d.Now()
	for _, name := range names {
		_, mark, temporary := strings.Cut(name, "~")
		if !temporary {
			continue
		}
		born, _, _ := strings.Cut(mark, "-")
		at, err := strconv.ParseInt(born, 10, 64)
		if age := now.Sub(policy.SinceBoot(time.Duration(at))); err == nil && (age > leftOver || age < 0) {
			_ = os.Remove(d.File(name))
		}
	}
}
