package password

import (
	"bytes"
	_ "embed"
	"sync"
)

// packedList is the list of common passwords: the skeletons of the lines of
// testdata/common.txt, in order and without repetition. Exactly these are refused. It
// is packed in the form that wordList.unpack describes, because it is linked into
// every program with a policy, WebAssembly included, where each byte is loaded over
// the network. Unpacked it takes 210 KB of memory, from the first check on.
//
// After a change of testdata/common.txt:
//
//	go test -run TestCommonListIsPacked -update
//
//go:embed common.bin
var packedList string

var commonWords = sync.OnceValue(func() wordList { return unpack(packedList) })

// wordList is words in ascending order, each with a newline behind it.
type wordList []byte

// has searches by halves.
func (l wordList) has(word []byte) bool {
	for len(l) > 0 {
		start := bytes.LastIndexByte(l[:len(l)/2], '\n') + 1
		end := start + bytes.IndexByte(l[start:], '\n')
		switch bytes.Compare(word, l[start:end]) {
		case 0:
			return true
		case -1:
			l = l[:start]
		default:
			l = l[end+1:]
		}
	}
	return false
}

// A packed list is a series of symbols: for each word the number of bytes that it
// shares with the word before it, and then its other bytes, which are printable
// ASCII. The symbol 127 ends the list. The series is written in a canonical Huffman
// code, most significant bit first; the code is described by the lengths of its 128
// symbols' codes in bits, 0 for a symbol that does not occur, in the first 128 bytes.
const (
	packedSymbols   = 128
	packedEnd       = 127
	packedMaxBits   = 24
	packedMaxPrefix = ' ' - 1
)

// unpack reverses the packing. It is not for foreign input.
func unpack(packed string) wordList {
	var count [packedMaxBits + 1]int // how many codes there are of each length
	for i := range packedSymbols {
		count[packed[i]]++
	}
	symbols := make([]byte, 0, packedSymbols) // by length of code, then by value
	for bits := 1; bits <= packedMaxBits; bits++ {
		for i := range packedSymbols {
			if int(packed[i]) == bits {
				symbols = append(symbols, byte(i))
			}
		}
	}
	data, at := packed[packedSymbols:], 0
	next := func() byte {
		code, first, index := 0, 0, 0 // first is the first code of this length, index where its symbol is
		for bits := 1; ; bits++ {
			code |= int(data[at/8]>>(7-at%8)) & 1
			at++
			if n := count[bits]; code-first < n {
				return symbols[index+code-first]
			}
			index += count[bits]
			first = (first + count[bits]) << 1
			code <<= 1
		}
	}
	list := make(wordList, 0, 4*len(packed)) // about what is needed
	start := 0                               // of the word before
	for symbol := next(); symbol != packedEnd; {
		list, start = append(list, list[start:start+int(symbol)]...), len(list)
		for symbol = next(); symbol > packedMaxPrefix && symbol != packedEnd; symbol = next() {
			list = append(list, symbol)
		}
		list = append(list, '\n')
	}
	return list
}
