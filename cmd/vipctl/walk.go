package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// mostLinks is how many symbolic links the kernel follows in one path (path_resolution(7)).
const mostLinks = 40

// walk resolves a path folder by folder, as the kernel does, and looks at what it goes through. Nothing is looked up by
// a path twice: each folder is open while the next is looked up in it. So if only root can write every one of them,
// nobody else can have put anything in between, neither before nor meanwhile.
type walk struct {
	folder []step // the way from the root
	todo   []string
	links  int
	doubts []doubt
}

type step struct {
	fd   int
	name string
}

func (w *walk) close() {
	for len(w.folder) > 0 {
		w.leave()
	}
}

// open opens the file for reading. What is found on the way is in doubts, with or without an error.
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
		file = here + "/" + file // as it is: "link/.." is not what path.Join takes it for
	}
	w.todo = strings.Split(file, "/")
	root, err := openPath(unix.AT_FDCWD, "/")
	if err != nil {
		return nil, err
	}
	if err := w.enter(root, ""); err != nil {
		return nil, err
	}
	for len(w.todo) > 0 {
		name := w.todo[0]
		w.todo = w.todo[1:]
		switch name {
		case "", ".":
		case "..":
			if len(w.folder) > 1 {
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

// next looks name up in the folder it is in. It returns the opened file where that is the end of the path.
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
	case len(w.todo) > 0:
		return nil, unix.ENOTDIR
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return nil, errors.New("not a regular file")
	}
	return w.read(name)
}

// follow puts a link's target before the rest of the path. The link itself needs no look: nobody can change where it
// leads without writing the folder it is in.
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
		for len(w.folder) > 1 {
			w.leave()
		}
	}
	w.todo = append(strings.Split(string(target[:n]), "/"), w.todo...)
	return nil
}

// read opens the last name of the path, and looks at what it has opened.
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
		// The kernel gives such files to root, also those that repeat what anybody said: argv[0] of a su, for example.
		w.doubts = append(w.doubts, doubt{path: f.Name(), why: "not a file on a disk"})
	}
	w.look(f.Name(), &st)
	return f, nil
}

func (w *walk) here() step { return w.folder[len(w.folder)-1] }

func (w *walk) enter(fd int, name string) error {
	w.folder = append(w.folder, step{fd: fd, name: name})
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	w.look(w.path(""), &st)
	return nil
}

func (w *walk) leave() {
	unix.Close(w.here().fd)
	w.folder = w.folder[:len(w.folder)-1]
}

// path names something in the folder that the walk is in, or that folder.
func (w *walk) path(name string) string {
	names := []string{"/"}
	for _, s := range w.folder {
		names = append(names, s.name)
	}
	return path.Join(append(names, name)...)
}

// look adds a doubt about what others than root own or may write. An access list that lets somebody write shows in the
// group's bits.
func (w *walk) look(name string, st *unix.Stat_t) {
	const others = 0o022
	mode := st.Mode & 0o7777
	var mend []string
	if st.Uid != 0 {
		mend = append(mend, "chown root "+shellWord(name))
	}
	if mode&others != 0 {
		mend = append(mend, "chmod go-w "+shellWord(name))
	}
	if len(mend) == 0 {
		return
	}
	d := doubt{path: name, why: fmt.Sprintf("owner %s, mode %04o", userName(st.Uid), mode), mend: strings.Join(mend, " && ")}
	if mode&unix.S_ISVTX != 0 {
		d.mend = "" // everybody's by intent, as /tmp is
	}
	for _, known := range w.doubts {
		if known == d { // links lead through one folder more than once
			return
		}
	}
	w.doubts = append(w.doubts, d)
}
