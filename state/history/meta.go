package history

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	metaSize    = 64
)

// errNewer is returned for a database that a later vipctl or bbolt has written: it is left as it
// is.
var errNewer = errors.New("of a newer format")

// meta is what bbolt's meta page says of the file.
type meta struct {
	pageSize              uint64
	root, freelist, pages uint64
	txid                  uint64
}

// readMeta returns the newer one of the two meta pages that are whole.
func readMeta(f io.ReaderAt, size int64) (meta, error) {
	best, err := parseMeta(f, 0)
	if err == nil {
		if other, err := parseMeta(f, int64(best.pageSize)); err == nil && other.txid > best.txid {
			best = other
		}
	} else {
		for at := int64(1 << 10); at <= 16<<20 && err != nil && !errors.Is(err, errNewer); at *= 2 { // the page size is not known
			if best, err = parseMeta(f, at); err == nil && best.pageSize != uint64(at) {
				err = errors.New("no meta page is whole")
			}
		}
	}
	if err != nil {
		return meta{}, err
	}
	if p := best.pageSize; p < 1<<10 || p > 16<<20 || p&(p-1) != 0 || best.pages < 4 || best.pages > uint64(size)/p {
		return meta{}, fmt.Errorf("%d pages of %d bytes in a file of %d", best.pages, p, size)
	}
	return best, nil
}

func parseMeta(f io.ReaderAt, at int64) (meta, error) {
	var page [pageHeader + metaSize]byte
	if _, err := f.ReadAt(page[:], at); err != nil && !errors.Is(err, io.EOF) {
		return meta{}, err
	}
	b := page[pageHeader:]
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	switch {
	case native.Uint32(b) != boltMagic || native.Uint64(b[metaSize-8:]) != sum.Sum64():
		return meta{}, errors.New("no meta page is whole")
	case native.Uint32(b[4:]) != boltVersion:
		return meta{}, errNewer
	}
	return meta{
		pageSize: uint64(native.Uint32(b[8:])),
		root:     native.Uint64(b[16:]),
		freelist: native.Uint64(b[32:]),
		pages:    native.Uint64(b[40:]),
		txid:     native.Uint64(b[48:]),
	}, nil
}
