package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The sections of a module that startOnce changes or reads (WebAssembly core
// specification, section 5.5.2).
const (
	importSection   = 2
	functionSection = 3
	globalSection   = 6
	exportSection   = 7
	codeSection     = 10
)

// startOnce lets a module that Go has built as a reactor start in every host. Go exports
// its start as _initialize, and it works once. Some hosts call _start alone, as they do
// for a command, some _initialize alone, and some both. So both names lead to one new
// function, which calls Go's own the first time and does nothing after it:
//
//	(global $started (mut i32) (i32.const 0))
//	(func (if (global.get $started) (then (return))) (global.set $started (i32.const 1)) (call $_initialize))
func startOnce(module []byte) ([]byte, error) {
	m, err := parse(module)
	if err != nil {
		return nil, err
	}
	var lists [codeSection + 1]vector
	for _, id := range []int{importSection, functionSection, globalSection, exportSection, codeSection} {
		i := slices.IndexFunc(m, func(s section) bool { return s.id == byte(id) })
		if i < 0 {
			return nil, fmt.Errorf("the module has no section %d", id)
		}
		count, n := binary.Uvarint(m[i].content)
		if n <= 0 {
			return nil, fmt.Errorf("section %d has no length", id)
		}
		lists[id] = vector{&m[i], count, m[i].content[n:]}
	}
	initialize, entries, err := takeExport(lists[exportSection], "_initialize")
	if err != nil {
		return nil, err
	}
	kind, err := typeOf(initialize, lists[importSection], lists[functionSection])
	if err != nil {
		return nil, err
	}
	started, once := lists[globalSection].count, lists[importSection].count+lists[functionSection].count
	lists[functionSection].add(binary.AppendUvarint(nil, kind))
	lists[globalSection].add([]byte{0x7f, 1, 0x41, 0, 0x0b}) // mutable, of type i32, 0
	global := binary.AppendUvarint(nil, started)
	body := slices.Concat([]byte{0 /* local variables */, 0x23}, global, []byte{0x04, 0x40, 0x0f, 0x0b, 0x41, 1, 0x24}, global,
		[]byte{0x10}, binary.AppendUvarint(nil, initialize), []byte{0x0b})
	lists[codeSection].add(append(binary.AppendUvarint(nil, uint64(len(body))), body...))
	exports := vector{lists[exportSection].in, lists[exportSection].count - 1, entries}
	for _, name := range []string{"_initialize", "_start"} {
		exports.add(slices.Concat([]byte{byte(len(name))}, []byte(name), []byte{0}, binary.AppendUvarint(nil, once)))
	}
	return m.bytes(), nil
}

type section struct {
	id      byte
	content []byte
}

type sections []section

const header = "\x00asm\x01\x00\x00\x00"

func parse(module []byte) (m sections, err error) {
	rest, found := bytes.CutPrefix(module, []byte(header))
	if !found {
		return nil, errors.New("not a WebAssembly module")
	}
	for len(rest) > 0 {
		size, n := binary.Uvarint(rest[1:])
		if n <= 0 || size > uint64(len(rest)-1-n) {
			return nil, errors.New("a section is longer than the module")
		}
		m = append(m, section{rest[0], rest[1+n : 1+n+int(size)]})
		rest = rest[1+n+int(size):]
	}
	return m, nil
}

func (m sections) bytes() []byte {
	out := []byte(header)
	for _, s := range m {
		out = append(out, s.id)
		out = binary.AppendUvarint(out, uint64(len(s.content)))
		out = append(out, s.content...)
	}
	return out
}

// vector is a section as count entries.
type vector struct {
	in      *section
	count   uint64
	entries []byte
}

// add writes the section anew, with one more entry at its end.
func (v *vector) add(entry []byte) {
	v.count++
	v.entries = slices.Concat(v.entries, entry)
	v.in.content = slices.Concat(binary.AppendUvarint(nil, v.count), v.entries)
}

// takeExport returns the index of an exported function, and the entries without it.
func takeExport(exports vector, name string) (index uint64, others []byte, err error) {
	rest := exports.entries
	for range exports.count {
		length, n := binary.Uvarint(rest)
		if n <= 0 || length > uint64(len(rest)-n) || len(rest)-n-int(length) < 2 {
			return 0, nil, errors.New("an export is cut off")
		}
		end := n + int(length) // of its name
		i, m := binary.Uvarint(rest[end+1:])
		if m <= 0 {
			return 0, nil, errors.New("an export is cut off")
		}
		if string(rest[n:end]) == name && rest[end] == 0 {
			before := exports.entries[:len(exports.entries)-len(rest)]
			return i, slices.Concat(before, rest[end+1+m:]), nil
		}
		rest = rest[end+1+m:]
	}
	return 0, nil, fmt.Errorf("the module exports no function %s", name)
}

// typeOf returns the type of a function. A module of Go imports functions and nothing
// else, so the module's own come after as many as there are imports.
func typeOf(index uint64, imports, functions vector) (kind uint64, err error) {
	if index < imports.count || index-imports.count >= functions.count {
		return 0, errors.New("the start is no function of the module")
	}
	rest := functions.entries
	for range index - imports.count + 1 {
		var n int
		if kind, n = binary.Uvarint(rest); n <= 0 {
			return 0, errors.New("the section of functions is cut off")
		}
		rest = rest[n:]
	}
	return kind, nil
}
