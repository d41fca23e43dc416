package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mostLinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
const mostLinks = 40

// walk resolves a path folder by folder, as the kernel does, and inspects what the path goes
// through. It looks nothing up twice: each folder stays open while the next name is looked up in
// it. So where root alone can write every one of them, nobody else can have put anything in
// between, neither before the walk nor during it.
type walk struct {
	folders  []folder // those that are open, from the root down to where the walk is
	rest     []string // the names that are still to be looked up
	links    int      // that were followed
	problems []Problem
}

type folder struct {
	fd   int
	name string
}

func (w *walk) close() {
	for len(w.folders) > 0 {
		w.leave()
	}
}

// open opens the file for reading. The problems on the way are in w.problems, with or without an
// error.
func (w *walk) open(file string) (*os.File, error) {
	f, err := w.resolve(file)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: file, Err: err}
	}
	return f, nil
}

func (w *walk) resolve(file string) (*os.File, error) {
	if !path.IsAbs(file) {
		here, err := os.Getwd()
		if err != nil {
			return nil, err
		}
		file = here + "/" + file // not path.Join, which takes "link/.." away before the link is followed
	}
	w.rest = strings.Split(file, "/")
	root, err := openPath(unix.AT_FDCWD, "/")
	if err != nil {
		return nil, err
	}
	if err := w.enter(root, ""); err != nil {
		return nil, err
	}
	for len(w.rest) > 0 {
		name := w.rest[0]
		w.rest = w.rest[1:]
		switch name {
		case "", ".":
		case "..":
			if len(w.folders) > 1 {
				w.leave()
			}
		default:
			if f, err := w.next(name); f != nil || err != nil {
				return f, err
			}
		}
	}
	return nil, unix.EISDIR
}

func openPath(at int, name string) (int, error) {
	return unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// next looks a name up in the folder where the walk is. It returns the opened file where that is
// the end of the path.
func (w *walk) next(name string) (*os.File, error) {
	fd, err := openPath(w.here().fd, name)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return nil, w.enter(fd, name)
	}
	defer unix.Close(fd)
	switch {
	case st.Mode&unix.S_IFMT == unix.S_IFLNK:
		return nil, w.follow(fd)
	case len(w.rest) > 0:
		return nil, unix.ENOTDIR
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, errors.New("not a regular file")
	}
	return w.read(name)
}

// follow puts a link's target before the rest of the path. The link itself is not inspected: nobody
// can change where it leads without writing the folder that it is in.
func (w *walk) follow(fd int) error {
	if w.links++; w.links > mostLinks {
		return unix.ELOOP
	}
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", target)
	if err != nil {
		return err
	}
	if target[0] == '/' {
		for len(w.folders) > 1 {
			w.leave()
		}
	}
	w.rest = append(strings.Split(string(target[:n]), "/"), w.rest...)
	return nil
}

// read opens the last name of the path for reading, and inspects what it has opened.
func (w *walk) read(name string) (*os.File, error) {
	fd, err := unix.Openat(w.here().fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), w.path(name))
	var st unix.Stat_t
	var system unix.Statfs_t
	if err := errors.Join(unix.Fstat(fd, &st), unix.Fstatfs(fd, &system)); err != nil {
		f.Close()
		return nil, err
	}
	if system.Type == unix.PROC_SUPER_MAGIC {
		// The kernel says that root owns such a file, also where its text is another user's:
		// argv[0] of a su, for example.
		w.problems = append(w.problems, Problem{Path: f.Name(), Why: "not a file on a disk"})
	}
	w.inspect(f.Name(), &st)
	return f, nil
}

func (w *walk) here() folder { return w.folders[len(w.folders)-1] }

func (w *walk) enter(fd int, name string) error {
	w.folders = append(w.folders, folder{fd: fd, name: name})
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	w.inspect(w.path(""), &st)
	return nil
}

func (w *walk) leave() {
	unix.Close(w.here().fd)
	w.folders = w.folders[:len(w.folders)-1]
}

// path is that of a name in the folder where the walk is, or of that folder where the name is
// empty.
func (w *walk) path(name string) string {
	names := []string{"/"}
	for _, f := range w.folders {
		names = append(names, f.name)
	}
	return path.Join(append(names, name)...)
}

// inspect adds a problem where another user than root owns or may write a file or folder. The
// group's bits also show an access list that lets somebody write.
func (w *walk) inspect(name string, st *unix.Stat_t) {
	const writable = 0o022 // by the group, by everybody
	mode := st.Mode & 0o7777
	var fix []string
	if st.Uid != 0 {
		fix = append(fix, "chown root "+ShellWord(name))
	}
	if mode&writable != 0 {
		fix = append(fix, "chmod go-w "+ShellWord(name))
	}
	if len(fix) == 0 {
		return
	}
	p := Problem{Path: name, Why: fmt.Sprintf("owner %s, mode %04o", UserName(st.Uid), mode), Fix: strings.Join(fix, " && ")}
	if mode&unix.S_ISVTX != 0 {
		p.Fix = "" // such a folder is everybody's by intent, as /tmp is
	}
	if !slices.Contains(w.problems, p) { // links can lead through one folder more than once
		w.problems = append(w.problems, p)
	}
}
