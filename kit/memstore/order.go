package memstore

import (
	"iter"
	"slices"
	"sort"
)

// order keeps keys, each once, in the order of their bytes. They lie in blocks, none of which is
// empty, so that a key that comes or goes moves a block of keys and not all of them.
type order struct{ blocks [][]string }

// maxBlock is the most keys of a block; one that would have more becomes two.
const maxBlock = 512

// find returns where key is, or where it belongs: at the end of the last block if it is
// greater than all keys.
func (o *order) find(key string) (block, at int, found bool) {
	block = sort.Search(len(o.blocks), func(i int) bool { keys := o.blocks[i]; return keys[len(keys)-1] >= key })
	if block == len(o.blocks) {
		if block == 0 {
			return 0, 0, false
		}
		return block - 1, len(o.blocks[block-1]), false
	}
	at, found = slices.BinarySearch(o.blocks[block], key)
	return block, at, found
}

// add adds a key, which is not there.
func (o *order) add(key string) {
	block, at, _ := o.find(key)
	if len(o.blocks) == 0 {
		o.blocks = [][]string{nil}
	}
	keys := slices.Insert(o.blocks[block], at, key)
	o.blocks[block] = keys
	if len(keys) > maxBlock {
		half := slices.Clone(keys[maxBlock/2:])
		clear(keys[maxBlock/2:]) // or these keys would outlive their users
		o.blocks[block] = keys[:maxBlock/2]
		o.blocks = slices.Insert(o.blocks, block+1, half)
	}
}

// remove removes a key, if it is there.
func (o *order) remove(key string) {
	block, at, found := o.find(key)
	if !found {
		return
	}
	if o.blocks[block] = slices.Delete(o.blocks[block], at, at+1); len(o.blocks[block]) == 0 {
		o.blocks = slices.Delete(o.blocks, block, block+1)
	}
}

// from yields the keys that are not less than first, in their order.
func (o *order) from(first string) iter.Seq[string] {
	return func(yield func(string) bool) {
		block, at, _ := o.find(first)
		for ; block < len(o.blocks); block++ {
			for _, key := range o.blocks[block][at:] {
				if !yield(key) {
					return
				}
			}
			at = 0
		}
	}
}
