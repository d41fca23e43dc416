package trust_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/trust"
)

// The tests run as any user, in a folder for temporary files, which everybody may write. So every
// path has problems, and a test looks for those that it has made. What root alone owns is tested by
// trust.txtar and trust-users.txtar of cmd/vipctl.

// mine are the problems below a folder, each without its folder's path.
func mine(t *testing.T, dir string, err error) (problems []trust.Problem) {
	t.Helper()
	var untrusted *trust.UntrustedError
	if !errors.As(err, &untrusted) {
		t.Fatalf("error %v, want an *UntrustedError", err)
	}
	for _, p := range untrusted.Problems {
		if name, below := strings.CutPrefix(p.Path, dir+"/"); below {
			problems = append(problems, trust.Problem{Path: name, Why: p.Why, Fix: strings.ReplaceAll(p.Fix, dir+"/", "")})
		}
	}
	return problems
}

// want is the problem of a file or folder of this user with a mode.
func want(name string, mode fs.FileMode) trust.Problem {
	p := trust.Problem{Path: name, Why: fmt.Sprintf("owner %s, mode %04o", trust.UserName(uint32(os.Getuid())), mode)}
	var fix []string
	if os.Getuid() != 0 {
		fix = append(fix, "chown root "+name)
	}
	if mode&0o022 != 0 {
		fix = append(fix, "chmod go-w "+name)
	}
	p.Fix = strings.Join(fix, " && ")
	return p
}

// ownFolder is one without links in its path.
func ownFolder(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err == nil {
		err = os.Chmod(dir, 0o777) // so that each path has a problem, also root's
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, file string, mode fs.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte("text"), 0o600), os.Chmod(file, mode)); err != nil {
		t.Fatal(err)
	}
}

func TestOpenInspectsEveryFolderOnTheWay(t *testing.T) {
	dir := ownFolder(t)
	write(t, dir+"/open/safe/file", 0o666)
	write(t, dir+"/beside/file", 0o644)
	if err := errors.Join(os.Chmod(dir+"/open", 0o777), os.Chmod(dir+"/beside", 0o775),
		os.Symlink("../open/safe", dir+"/beside/link"), os.Symlink(dir+"/beside/link/file", dir+"/open/absolute")); err != nil {
		t.Fatal(err)
	}
	for path, problems := range map[string][]trust.Problem{
		"open/safe/file":           {want("open", 0o777), want("open/safe", 0o755), want("open/safe/file", 0o666)},
		"open/./safe//file":        {want("open", 0o777), want("open/safe", 0o755), want("open/safe/file", 0o666)},
		"open/../beside/file":      {want("open", 0o777), want("beside", 0o775), want("beside/file", 0o644)},
		"beside/link/file":         {want("beside", 0o775), want("open", 0o777), want("open/safe", 0o755), want("open/safe/file", 0o666)},
		"beside/link/../safe/file": {want("beside", 0o775), want("open", 0o777), want("open/safe", 0o755), want("open/safe/file", 0o666)},
		"open/absolute":            {want("open", 0o777), want("beside", 0o775), want("open/safe", 0o755), want("open/safe/file", 0o666)},
		"beside/missing":           {want("beside", 0o775)}, // what is not there has no problem of its own
	} {
		if os.Getuid() == 0 { // whom a mode without go+w is no problem of
			problems = slices.DeleteFunc(problems, func(p trust.Problem) bool { return p.Fix == "" })
		}
		_, err := trust.Open(dir + "/" + path)
		if got := mine(t, dir, err); !slices.Equal(got, problems) {
			t.Errorf("Open(%s): problems %q, want %q", path, got, problems)
		}
	}
}

func TestOpenReadsARelativePathFromTheWorkingFolder(t *testing.T) {
	dir := ownFolder(t)
	write(t, dir+"/sub/file", 0o666)
	t.Chdir(dir + "/sub")
	_, err := trust.Open("file")
	if got := mine(t, dir, err); !slices.Contains(got, want("sub/file", 0o666)) {
		t.Errorf("problems %q, want that of sub/file", got)
	}
	if !strings.HasPrefix(err.Error(), "file is not trusted: vipctl runs") || !strings.Contains(err.Error(), "\n  "+dir+"/sub/file: owner ") {
		t.Errorf("error %q, want the path as it was given, and each problem on a line", err)
	}
}

func TestOpenHasNoCommandForAFolderThatIsEverybodysByIntent(t *testing.T) {
	dir := ownFolder(t)
	write(t, dir+"/open/file", 0o644)
	if err := os.Chmod(dir+"/open", 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	_, err := trust.Open(dir + "/open/file")
	p := trust.Problem{Path: "open", Why: want("open", 0o1777).Why}
	if got := mine(t, dir, err); !slices.Contains(got, p) {
		t.Errorf("problems %q, want %q", got, p)
	}
}

func TestOpenBelievesNoFileOfTheKernels(t *testing.T) {
	_, err := trust.Open("/proc/self/cmdline")
	var untrusted *trust.UntrustedError
	if !errors.As(err, &untrusted) || !slices.ContainsFunc(untrusted.Problems, func(p trust.Problem) bool {
		return strings.HasSuffix(p.Path, "/cmdline") && p.Why == "not a file on a disk"
	}) {
		t.Errorf("error %v, want that cmdline is not a file on a disk", err)
	}
}

// rootsAlone reports whether root alone can change files and folders, none of which is a link. In a
// user namespace the host's root is somebody else.
func rootsAlone(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		var st unix.Stat_t
		err := unix.Lstat(name, &st)
		return err != nil || st.Uid != 0 || st.Mode&0o022 != 0 || st.Mode&unix.S_IFMT == unix.S_IFLNK
	})
}

func TestOpenBelievesWhatRootAloneCanWrite(t *testing.T) {
	const file = "/etc/passwd"
	f, err := trust.Open(file)
	if !rootsAlone("/", "/etc", file) {
		if len(mine(t, "", err)) == 0 {
			t.Error("no problem is named")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); err != nil || len(text) == 0 {
		t.Errorf("read %d bytes, %v", len(text), err)
	}
	for path, cause := range map[string]error{"/etc/passwd/file": unix.ENOTDIR, "/etc": unix.EISDIR, "/": unix.EISDIR, "/etc/passwd-not-there": fs.ErrNotExist} {
		_, err := trust.Open(path)
		var at *fs.PathError
		if !errors.As(err, &at) || at.Path != path || !errors.Is(err, cause) {
			t.Errorf("Open(%s): error %v, want a PathError of %v", path, err, cause)
		}
	}
}

// A walk that ends in an error still says what is wrong on the way, and leaves no file open.
func TestOpenOfWhatCannotBeOpened(t *testing.T) {
	dir := ownFolder(t)
	if err := errors.Join(os.Symlink("loop", dir+"/loop"), unix.Mkfifo(dir+"/pipe", 0o600)); err != nil {
		t.Fatal(err)
	}
	before := openFiles(t)
	for _, name := range []string{"loop", "pipe", "missing", "."} {
		if f, err := trust.Open(dir + "/" + name); err == nil {
			f.Close()
			t.Errorf("Open(%s): no error", name)
		}
	}
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, want %d", after, before)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
