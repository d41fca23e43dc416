package history

import "hash/fnv"

// seal gives a changed meta page its checksum.
func seal(m []byte) {
	sum := fnv.New64a()
	sum.Write(m[:metaSize-8])
	native.PutUint64(m[metaSize-8:], sum.Sum64())
}
