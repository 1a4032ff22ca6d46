package memstore

// heap is a binary heap whose items know their place, so that any of them can be
// removed. container/heap would do the same through an interface a call.
type heap[T item[T]] []T

// item is what a heap holds: before orders two of them, and place is where the
// heap notes an item's index.
type item[T any] interface {
	before(other T) bool
	place() *int
}

// push adds x.
func (h *heap[T]) push(x T) {
	*h = append(*h, x)
	*x.place() = len(*h) - 1
	h.up(len(*h) - 1)
}

// remove takes x out, which is in the heap.
func (h *heap[T]) remove(x T) {
	i, last := *x.place(), len(*h)-1
	h.swap(i, last)
	var none T
	(*h)[last] = none
	*h = (*h)[:last]
	if i < last {
		h.down(i)
		h.up(i)
	}
}

func (h *heap[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !(*h)[i].before((*h)[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *heap[T]) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(*h); child++ {
			if (*h)[child].before((*h)[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h *heap[T]) swap(i, j int) {
	(*h)[i], (*h)[j] = (*h)[j], (*h)[i]
	*(*h)[i].place(), *(*h)[j].place() = i, j
}
