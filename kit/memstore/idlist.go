package memstore

import (
	"iter"
	"slices"
	"strings"
)

// idList holds the tokens of one user in ascending order of their IDs, in chunks
// so that a user with very many of them costs no long moves. No chunk is empty.
// Nearly every user has one chunk of a few tokens.
type idList [][]*token

// maxChunk is the size at which a chunk is split in two.
const maxChunk = 512

// insert returns the list with t, whose ID is not in it.
func (l idList) insert(t *token) idList {
	if len(l) == 0 {
		return idList{{t}}
	}
	c := min(l.chunk(t.ID), len(l)-1)
	at, _ := search(l[c], t.ID)
	l[c] = slices.Insert(l[c], at, t)
	if len(l[c]) > maxChunk {
		upper := slices.Clone(l[c][maxChunk/2:])
		clear(l[c][maxChunk/2:])
		l[c] = l[c][:maxChunk/2]
		l = slices.Insert(l, c+1, upper)
	}
	return l
}

// remove returns the list without the token of that ID.
func (l idList) remove(id string) idList {
	c := l.chunk(id)
	if c == len(l) {
		return l
	}
	at, found := search(l[c], id)
	if !found {
		return l
	}
	l[c] = slices.Delete(l[c], at, at+1)
	if len(l[c]) == 0 {
		l = slices.Delete(l, c, c+1)
	}
	return l
}

// after yields the tokens whose ID is greater than id, in order.
func (l idList) after(id string) iter.Seq[*token] {
	return func(yield func(*token) bool) {
		c := l.chunk(id)
		if c == len(l) {
			return
		}
		at, found := search(l[c], id)
		if found {
			at++
		}
		for ; c < len(l); c, at = c+1, 0 {
			for _, t := range l[c][at:] {
				if !yield(t) {
					return
				}
			}
		}
	}
}

// chunk returns the index of the first chunk that ends at id or beyond, or
// len(l).
func (l idList) chunk(id string) int {
	c, _ := slices.BinarySearchFunc(l, id, func(chunk []*token, id string) int {
		return strings.Compare(chunk[len(chunk)-1].ID, id)
	})
	return c
}

func search(chunk []*token, id string) (int, bool) {
	return slices.BinarySearchFunc(chunk, id, func(t *token, id string) int { return strings.Compare(t.ID, id) })
}
