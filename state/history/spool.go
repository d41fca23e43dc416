package history

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/vipctl/vipctl/state/folder"
)

// The spool: JSON lines that wait for the database. A record is written to spoolFile. One that has
// grown too large is renamed to spoolOld, over the one before it, so that a database that cannot be
// written for months costs two of them and the oldest records. Whoever takes the spool in renames
// it first; see take.
const (
	spoolFile = "history.spool"
	spoolOld  = "history.spool.old"
	taken     = ".taken"

	spoolMost  = 2 << 20  // a spool of this size, some 5000 records, is put aside
	spoolLimit = 16 << 20 // a larger one is not vipctl's
)

// A spool is the files of these names in one folder.
type spool struct{ folder.Folder }

// add appends the entry. It takes no lock. When the file is no longer the spool after the write,
// somebody has renamed it in between and may have read it before: the entry is written once more,
// to the new one, and its key makes one of two.
func (s spool) add(e entry) error {
	line, err := e.line()
	if err != nil {
		return err
	}
	for range 10 {
		f, err := s.openFile()
		if err != nil {
			return err
		}
		_, err = f.Write(line)
		there := s.Has(spoolFile, f)
		if err = errors.Join(err, f.Close()); err != nil || there {
			return err
		}
	}
	return fmt.Errorf("%s: replaced again and again", s.File(spoolFile))
}

func (s spool) openFile() (*os.File, error) {
	f, err := s.Open(spoolFile, os.O_WRONLY|os.O_APPEND)
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.Place(spoolFile); err != nil {
			return nil, err
		}
		return s.Open(spoolFile, os.O_WRONLY|os.O_APPEND)
	}
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Size() >= spoolMost {
		f.Close()
		if err := os.Rename(s.File(spoolFile), s.File(spoolOld)); err != nil {
			return nil, err
		}
		return s.openFile()
	}
	return f, nil
}

// A batch is what was taken out of the spools: its files are removed when its entries are in the
// database.
type batch struct {
	entries []entry
	files   []string
	torn    int   // lines that could not be read
	err     error // spools that could not be read
}

// warnings says what of the spools could not be taken, although the batch was stored.
func (b *batch) warnings() error {
	if b.torn == 0 {
		return b.err
	}
	return errors.Join(b.err, fmt.Errorf("%d lines of the spool were cut short and left out", b.torn))
}

// take renames the folder's spools, so that nobody appends to them any more, and reads them. Only
// the holder of the database's lock may call it. Files that an earlier holder, killed in the
// middle, had taken come first, and what waits behind them stays for the next call.
func (s spool) take(b *batch) {
	for _, name := range []string{spoolOld, spoolFile} {
		if _, err := os.Lstat(s.File(name + taken)); err != nil {
			err = os.Rename(s.File(name), s.File(name+taken))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				b.err = errors.Join(b.err, err)
				continue
			}
		}
		if s.readFile(name+taken, b) {
			b.files = append(b.files, s.File(name+taken))
		}
	}
}

// readFile adds the entries of a spool file to the batch and reports whether there was one.
func (s spool) readFile(name string, b *batch) bool {
	data, err := s.Read(name, spoolLimit)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			b.err = errors.Join(b.err, err)
		}
		return false
	}
	b.parse(data)
	return true
}

// parse adds the entries of a spool's text.
func (b *batch) parse(text []byte) {
	for line := range bytes.SplitSeq(text, []byte{'\n'}) {
		if len(line) == 0 {
			continue
		}
		if e, ok := parseLine(line); ok {
			b.entries = append(b.entries, e)
		} else {
			b.torn++
		}
	}
}

// peek reads the spools where they are. The order is the one that a record moves in, so that one
// which moves meanwhile is seen twice rather than not at all.
func (s spool) peek(b *batch) {
	for _, name := range []string{spoolFile, spoolOld, spoolOld + taken, spoolFile + taken} {
		s.readFile(name, b)
	}
}

// waiting reports whether the folder has a spool.
func (s spool) waiting() bool {
	for _, name := range []string{spoolFile, spoolOld, spoolOld + taken, spoolFile + taken} {
		if _, err := os.Lstat(s.File(name)); err == nil {
			return true
		}
	}
	return false
}
