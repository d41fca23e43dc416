package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// bbolt trusts its file: on a damaged one it may panic, and also recurse until the stack is used
// up, hang on its own locks, or write over live pages, and no recover helps against those (each was
// seen with flipped bits). So the file's structure is checked first, by plain reads, which a
// truncated file cannot turn into SIGBUS. The format is bbolt's version 2 (internal/common/page.go
// and meta.go there); it is as old as bolt, in the machine's byte order.
const (
	noFreelist = ^uint64(0)

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

// checkFile reports what is wrong with a bbolt file.
func checkFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() > uncheckedAbove {
		return err
	}
	m, err := readMeta(f, info.Size())
	if err != nil {
		return err
	}
	c := checker{file: f, meta: m, used: make([]bool, m.pages)}
	c.used[0], c.used[1] = true, true
	if err := c.tree(m.root, 0, new(keyRange)); err != nil {
		return err
	}
	return c.freelist()
}

// A checker walks the file. Every page must be in one place only.
type checker struct {
	file io.ReaderAt
	meta
	used []bool
}

// A keyRange is what the keys of a subtree must lie in, as the branches above say, and the last key
// that was met. The first key of a page must be the very key that leads to it: with another one,
// even one in order, bbolt adds a second way to the page when it next writes there.
type keyRange struct {
	first []byte // nil for the root
	last  []byte // exclusive; nil at the beginning
	end   []byte // exclusive; nil for none
}

// begins reports whether a page may begin with the key.
func (r *keyRange) begins(k []byte) bool { return r.first == nil || bytes.Equal(r.first, k) }

// inside reports whether a key may come next.
func (r *keyRange) inside(k []byte) bool {
	return (r.last == nil || bytes.Compare(k, r.last) > 0) && (r.end == nil || bytes.Compare(k, r.end) < 0)
}

// page reads a page with its overflow and claims its place.
func (c *checker) page(id uint64) (flags uint16, body []byte, err error) {
	var header [pageHeader]byte
	if id < 2 || id >= c.pages {
		return 0, nil, fmt.Errorf("page %d of %d", id, c.pages)
	}
	at := int64(id * c.pageSize)
	if _, err := c.file.ReadAt(header[:], at); err != nil {
		return 0, nil, err
	}
	more := uint64(native.Uint32(header[12:]))
	if native.Uint64(header[:]) != id || more >= c.pages-id {
		return 0, nil, fmt.Errorf("page %d: calls itself %d, and %d more", id, native.Uint64(header[:]), more)
	}
	for i := id; i <= id+more; i++ {
		if c.used[i] {
			return 0, nil, fmt.Errorf("page %d: in two places", i)
		}
		c.used[i] = true
	}
	body = make([]byte, (more+1)*c.pageSize)
	_, err = c.file.ReadAt(body, at)
	return native.Uint16(header[8:]), body, err
}

func (c *checker) tree(id uint64, depth int, r *keyRange) error {
	flags, body, err := c.page(id)
	if err != nil {
		return err
	}
	switch {
	case depth > deepest:
		return fmt.Errorf("page %d: deeper than %d", id, deepest)
	case flags == branchPage:
		err = c.branch(body, depth, r)
	case flags == leafPage:
		err = c.leaf(body, depth, r)
	default:
		err = fmt.Errorf("type %#x", flags)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

func (c *checker) branch(body []byte, depth int, r *keyRange) error {
	n := int(native.Uint16(body[10:]))
	if n == 0 {
		return errors.New("a branch without leaves")
	}
	outer := *r
	for i := range n {
		first, child, err := branchElement(body, i)
		if err != nil {
			return err
		}
		if i == 0 && !outer.begins(first) || r.last != nil && bytes.Compare(first, r.last) <= 0 {
			return errors.New("branches out of order")
		}
		r.first, r.end = first, outer.end
		if i+1 < n {
			if r.end, _, err = branchElement(body, i+1); err != nil {
				return err
			}
		}
		if err := c.tree(child, depth+1, r); err != nil {
			return err
		}
	}
	r.end = outer.end
	return nil
}

func branchElement(body []byte, i int) (first []byte, child uint64, err error) {
	at := pageHeader + i*elementSize
	if at+elementSize > len(body) {
		return nil, 0, errors.New("an element outside the page")
	}
	e := body[at:]
	first, err = slice(e, uint64(native.Uint32(e)), uint64(native.Uint32(e[4:])))
	return first, native.Uint64(e[8:]), err
}

func (c *checker) leaf(body []byte, depth int, r *keyRange) error {
	n := int(native.Uint16(body[10:]))
	if n == 0 && r.first != nil {
		return errors.New("an empty leaf")
	}
	for i := range n {
		at := pageHeader + i*elementSize
		if at+elementSize > len(body) {
			return errors.New("an element outside the page")
		}
		e := body[at:]
		flags, pos, ksize, vsize := native.Uint32(e), uint64(native.Uint32(e[4:])), uint64(native.Uint32(e[8:])), uint64(native.Uint32(e[12:]))
		name, err := slice(e, pos, ksize)
		if err != nil {
			return err
		}
		value, err := slice(e, pos+ksize, vsize)
		if err != nil {
			return err
		}
		if len(name) == 0 || i == 0 && !r.begins(name) || !r.inside(name) {
			return errors.New("keys out of order")
		}
		r.last = name
		switch flags {
		case 0:
		case bucketFlag:
			err = c.bucket(value, depth)
		default:
			err = fmt.Errorf("an element of type %#x", flags)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks a bucket inside another: a tree of its own, or a leaf that stands in the value.
func (c *checker) bucket(value []byte, depth int) error {
	if len(value) < bucketSize {
		return errors.New("a bucket cut short")
	}
	if root := native.Uint64(value); root != 0 {
		return c.tree(root, depth+1, new(keyRange))
	}
	inline := value[bucketSize:]
	if len(inline) < pageHeader || native.Uint16(inline[8:]) != leafPage || native.Uint64(inline) != 0 || depth > deepest {
		return errors.New("a bucket inside a leaf that is none")
	}
	return c.leaf(inline, depth+1, new(keyRange))
}

// freelist checks that no page is free that is in use: bbolt would write over it.
func (c *checker) freelist() error {
	if c.meta.freelist == noFreelist {
		return nil
	}
	flags, body, err := c.page(c.meta.freelist)
	if err != nil {
		return err
	}
	ids, n := body[pageHeader:], uint64(native.Uint16(body[10:]))
	if n == 0xFFFF {
		n, ids = native.Uint64(ids), ids[8:]
	}
	if flags != freelistPage || n > uint64(len(ids))/8 {
		return fmt.Errorf("page %d: no freelist", c.meta.freelist)
	}
	for i := range n {
		id := native.Uint64(ids[8*i:])
		if id >= c.pages || c.used[id] {
			return fmt.Errorf("page %d: free and in use, or twice free", id)
		}
		c.used[id] = true
	}
	return nil
}

func slice(b []byte, at, n uint64) ([]byte, error) {
	if at+n > uint64(len(b)) {
		return nil, errors.New("an element outside the page")
	}
	return b[at : at+n], nil
}
