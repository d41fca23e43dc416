package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"runtime"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// The format is bbolt's version 2 (internal/common/page.go and meta.go there). It is as old as
// bolt, in the machine's byte order.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2
	metaSize    = 64
	noFreelist  = ^uint64(0)

	pageHeader  = 16
	elementSize = 16 // of a branch and of a leaf
	bucketSize  = 16

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01

	deepest = 32
	// uncheckedAbove is the size from which a check would cost a callback too much: 100,000 records
	// and more.
	uncheckedAbove = 64 << 20
)

var native = binary.NativeEndian

// errNewer is returned for a database that a later vipctl or bbolt has written: it is left as it
// is.
var errNewer = errors.New("of a newer format")

// checkFile reports what is wrong with the structure of a bbolt file, whose lock the caller has.
//
// bbolt trusts its file. On a damaged one it may panic, but also recurse until the stack is used
// up, hang, or write over live pages, and no recover helps against those. Its own Tx.Check hangs
// and faults too (docs/decisions/0011-corrupt-history.md). So the structure is checked before bbolt
// opens the file.
//
// The checker reads a slice, so that an offset that leads out of a page is a panic of this
// goroutine, as is a part of the file that the disk cannot read or that somebody cut off meanwhile.
// Both count as damage. The checker ends on every file: it reads no page twice, and no recursion is
// deeper than a constant.
func checkFile(f *os.File) (err error) {
	info, err := f.Stat()
	if err != nil || info.Size() > uncheckedAbove {
		return err
	}
	if info.Size() == 0 {
		return errors.New("an empty file")
	}
	data, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map: %w", err)
	}
	defer func() { _ = unix.Munmap(data) }()
	return checkData(data)
}

// checkData is checkFile on the content of the file.
func checkData(data []byte) (err error) {
	var c checker
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case damage:
			err = fmt.Errorf("page %d: %s", c.page, r)
		case runtime.Error:
			err = fmt.Errorf("page %d: outside the page: %w", c.page, r)
		default:
			panic(r)
		}
	}()
	m, err := readMeta(data)
	if err != nil {
		return err
	}
	c = checker{data: data, meta: m, used: make([]bool, m.pages)}
	c.used[0], c.used[1] = true, true
	c.tree(m.root, 0, new(keyRange))
	if m.freelist != noFreelist {
		c.free(m.freelist)
	}
	return nil
}

// damage is what a checker panics with.
type damage string

// A checker walks the file. Every page must be in one place only. What is wrong is a panic.
type checker struct {
	data []byte
	meta
	used []bool
	page uint64 // the one that is looked at
}

// claim returns a page with its overflow and takes its place. No slice of it reaches further: its
// capacity ends with it.
func (c *checker) claim(id uint64) (flags uint16, body []byte) {
	c.page = id
	if id < 2 || id >= c.pages {
		panic(damage("outside the file"))
	}
	body = c.data[id*c.pageSize:]
	more := uint64(native.Uint32(body[12:]))
	if native.Uint64(body) != id || more >= c.pages-id {
		panic(damage("another page's header"))
	}
	for i := id; i <= id+more; i++ {
		if c.used[i] {
			panic(damage("in two places"))
		}
		c.used[i] = true
	}
	size := (more + 1) * c.pageSize
	return native.Uint16(body[8:]), body[:size:size]
}

// tree checks a page and what is below it.
func (c *checker) tree(id uint64, depth int, r *keyRange) {
	flags, body := c.claim(id)
	switch flags {
	case branchPage:
		c.branch(id, body, depth, r)
	case leafPage:
		c.leaf(id, body, depth, r)
	default:
		panic(damage(fmt.Sprintf("of type %#x", flags)))
	}
}

// A keyRange is what the keys of a subtree must lie in, as the branches above say, and the last key
// that was met. The first key of a page must be the very key that leads to it: with another one,
// even one in order, bbolt adds a second way to the page when it next writes there.
type keyRange struct {
	first []byte // nil for the root
	last  []byte // exclusive; nil at the beginning
	end   []byte // exclusive; nil for none
}

// admit takes the key number i of a page.
func (r *keyRange) admit(i int, k []byte) {
	if len(k) == 0 || i == 0 && r.first != nil && !bytes.Equal(k, r.first) ||
		r.last != nil && bytes.Compare(k, r.last) <= 0 || r.end != nil && bytes.Compare(k, r.end) >= 0 {
		panic(damage("keys out of order"))
	}
}

func (c *checker) branch(id uint64, body []byte, depth int, r *keyRange) {
	n := int(native.Uint16(body[10:]))
	if n == 0 || depth > deepest {
		panic(damage("a branch without leaves"))
	}
	end := r.end
	for i := range n {
		k, child := branchElement(body, i)
		r.admit(i, k)
		r.first = k
		if i+1 < n {
			r.end, _ = branchElement(body, i+1)
		}
		c.tree(child, depth+1, r)
		c.page, r.end = id, end
	}
}

func branchElement(body []byte, i int) (k []byte, child uint64) {
	e := body[pageHeader+i*elementSize:]
	at, size := uint64(native.Uint32(e)), uint64(native.Uint32(e[4:]))
	return e[at : at+size], native.Uint64(e[8:])
}

func (c *checker) leaf(id uint64, body []byte, depth int, r *keyRange) {
	n := int(native.Uint16(body[10:]))
	if n == 0 && r.first != nil {
		panic(damage("an empty leaf"))
	}
	for i := range n {
		e := body[pageHeader+i*elementSize:]
		at, middle := uint64(native.Uint32(e[4:])), uint64(native.Uint32(e[8:]))
		middle += at
		end := middle + uint64(native.Uint32(e[12:]))
		k, value := e[at:middle], e[middle:end:end]
		r.admit(i, k)
		r.last = k
		switch flags := native.Uint32(e); flags {
		case 0:
		case bucketFlag:
			c.bucket(id, value, depth+1)
		default:
			panic(damage(fmt.Sprintf("an element of type %#x", flags)))
		}
		c.page = id
	}
}

// bucket checks a bucket inside another: a tree of its own, or a leaf that stands in the value.
func (c *checker) bucket(id uint64, value []byte, depth int) {
	root, inline := native.Uint64(value), value[bucketSize:]
	switch {
	case depth > deepest:
		panic(damage("too deep"))
	case root != 0:
		c.tree(root, depth, new(keyRange))
	case native.Uint64(inline) != 0 || native.Uint16(inline[8:]) != leafPage || len(inline) < pageHeader:
		panic(damage("a bucket inside a leaf that is none"))
	default:
		c.leaf(id, inline, depth, new(keyRange))
	}
}

// free checks that no page is free that is in use: bbolt would write over it.
func (c *checker) free(list uint64) {
	flags, body := c.claim(list)
	if flags != freelistPage {
		panic(damage("no freelist"))
	}
	ids, n := body[pageHeader:], uint64(native.Uint16(body[10:]))
	if n == 0xFFFF {
		n, ids = native.Uint64(ids), ids[8:]
	}
	for ; n > 0; n, ids = n-1, ids[8:] {
		id := native.Uint64(ids)
		if id >= c.pages || c.used[id] {
			panic(damage("free and in use, or twice free"))
		}
		c.used[id] = true
	}
}

// meta is what bbolt's meta page says of the file.
type meta struct {
	pageSize              uint64
	root, freelist, pages uint64
	txid                  uint64
}

// readMeta returns the newer one of the two meta pages that are whole.
func readMeta(data []byte) (meta, error) {
	best, err := parseMeta(data, 0)
	if err == nil {
		if other, err := parseMeta(data, best.pageSize); err == nil && other.txid > best.txid {
			best = other
		}
	}
	// Where the first one is torn, the page size is not known.
	for at := uint64(1 << 10); at <= 16<<20 && err != nil && !errors.Is(err, errNewer); at *= 2 {
		if best, err = parseMeta(data, at); err == nil && best.pageSize != at {
			err = errNoMeta
		}
	}
	if err != nil {
		return meta{}, err
	}
	p, size := best.pageSize, uint64(len(data))
	if p < 1<<10 || p > 16<<20 || p&(p-1) != 0 || best.pages < 4 || best.pages > size/p {
		return meta{}, fmt.Errorf("%d pages of %d bytes in a file of %d", best.pages, p, size)
	}
	return best, nil
}

var errNoMeta = errors.New("no meta page is whole")

func parseMeta(data []byte, at uint64) (meta, error) {
	if at+pageHeader+metaSize > uint64(len(data)) {
		return meta{}, errNoMeta
	}
	b := data[at+pageHeader:][:metaSize]
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	switch {
	case native.Uint32(b) != boltMagic || native.Uint64(b[metaSize-8:]) != sum.Sum64():
		return meta{}, errNoMeta
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
