package plugin

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// features are what compilers for plug-ins need. What is left out cannot be bounded
// by what stands in the module: table.grow (reference types) takes memory that no
// limit counts, and functions with thousands of results (multi-value) fill the stack.
const features = api.CoreFeatureMutableGlobal | api.CoreFeatureSignExtensionOps |
	api.CoreFeatureNonTrappingFloatToIntConversion | api.CoreFeatureBulkMemoryOperations

// What a module may be made of. A program in Go that verifies signatures needs about
// half of each. An instruction pushes at most one value and has at least two bytes if it
// does, so maxBody and maxLocals bound the stack of one call, and maxDepth that of all.
const (
	maxModule   = 8 << 20  // bytes
	maxParams   = 64       // of a function
	maxLocals   = 512      // of a function
	maxBody     = 64 << 10 // bytes of a function
	maxRanges   = 128      // instructions of a function that work on a range
	maxTable    = 1 << 16  // entries
	maxSegments = 1 << 17  // of data
)

// maxSection has the most bytes of each section whose entries cost an instance more
// than they have bytes. The ids are those of section 5.5.2 of the WebAssembly core
// specification.
var maxSection = map[byte]uint32{
	sectionType: 64 << 10, sectionImport: 64 << 10, sectionFunction: 64 << 10, sectionTable: 64,
	sectionGlobal: 4 << 10, sectionExport: 64 << 10, sectionElement: 256 << 10,
}

const (
	sectionType     = 1
	sectionImport   = 2
	sectionFunction = 3
	sectionTable    = 4
	sectionGlobal   = 6
	sectionExport   = 7
	sectionElement  = 9
	sectionCode     = 10
	sectionData     = 11
)

// inspect refuses a module that could take more time or memory than [Limits] allow,
// when it is loaded or when it runs. It comes before wazero reads the module, which
// makes room for whatever a module declares, four billion local variables for
// instance. Whether the module is valid is for wazero to say.
func inspect(module []byte) error {
	if len(module) > maxModule {
		return fmt.Errorf("it has %d bytes, more than %d", len(module), maxModule)
	}
	rest, found := bytes.CutPrefix(module, []byte("\x00asm\x01\x00\x00\x00"))
	if !found {
		return errors.New("it is not a WebAssembly module of version 1")
	}
	r := reader{rest: rest}
	for len(r.rest) > 0 && r.err == nil {
		id := r.byte()
		section := reader{rest: r.take(r.u32())}
		if most, bounded := maxSection[id]; bounded && uint32(len(section.rest)) > most {
			return fmt.Errorf("section %d has more than %d bytes", id, most)
		}
		if check := sectionChecks[id]; check != nil && r.err == nil {
			if err := check(&section); err != nil {
				return err
			}
			if section.err != nil {
				return fmt.Errorf("section %d: %w", id, section.err)
			}
		}
	}
	return r.err
}

var sectionChecks = map[byte]func(*reader) error{
	sectionType:   inspectTypes,
	sectionImport: inspectImports,
	sectionTable:  inspectTables,
	sectionCode:   inspectCode,
	sectionData: func(r *reader) error {
		if n := r.u32(); n > maxSegments {
			return fmt.Errorf("it has %d segments of data, more than %d", n, maxSegments)
		}
		return nil
	},
}

func inspectTypes(r *reader) error {
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		if form := r.byte(); form != 0x60 {
			return fmt.Errorf("it has a type of form %#x; there are only functions here", form)
		}
		params := r.u32()
		if params > maxParams {
			return fmt.Errorf("it has a function of %d parameters, more than %d", params, maxParams)
		}
		r.take(params)
		r.take(r.u32()) // the results: at most one without multi-value
	}
	return nil
}

func inspectImports(r *reader) error {
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		from, name := r.take(r.u32()), r.take(r.u32())
		if kind := r.byte(); kind != 0 && r.err == nil {
			return fmt.Errorf("it imports %q.%q, which is no function", from, name)
		}
		r.u32() // its type
	}
	return nil
}

func inspectTables(r *reader) error {
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		r.byte() // what it holds
		limits, entries := r.byte(), r.u32()
		if entries > maxTable {
			return fmt.Errorf("it has a table of %d entries, more than %d", entries, maxTable)
		}
		if limits&1 != 0 {
			r.u32() // a maximum, without effect where tables cannot grow
		}
	}
	return nil
}

func inspectCode(r *reader) error {
	for n := r.u32(); n > 0 && r.err == nil; n-- {
		size := r.u32()
		if size > maxBody {
			return fmt.Errorf("it has a function of %d bytes, more than %d", size, maxBody)
		}
		body := reader{rest: r.take(size)}
		locals := uint64(0)
		for groups := body.u32(); groups > 0 && body.err == nil; groups-- {
			locals += uint64(body.u32())
			body.byte() // their type
			if locals > maxLocals {
				return fmt.Errorf("it has a function of more than %d local variables", maxLocals)
			}
		}
		if body.err != nil {
			return body.err
		}
		if ranges(body.rest) > maxRanges {
			return fmt.Errorf("it has a function of more than %d instructions that copy or fill a range", maxRanges)
		}
	}
	return nil
}

// ranges counts what may be memory.copy, memory.fill and the like. Each takes as long
// as its range, and the time limit is looked at in loops and calls alone, so there must
// not be many between two of these. Bytes that only look like one count too.
func ranges(code []byte) (n int) {
	for i := range len(code) - 1 {
		if code[i] == 0xfc && 8 <= code[i+1] && code[i+1] <= 17 {
			n++
		}
	}
	return n
}

// reader reads WebAssembly's binary form. After its first error it reads zeros.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) take(n uint32) []byte {
	if uint64(n) > uint64(len(r.rest)) {
		r.err, r.rest = errors.New("it is cut off"), nil
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

// u32 reads a number of at most five bytes (LEB128).
func (r *reader) u32() uint32 {
	value, n := binary.Uvarint(r.rest[:min(len(r.rest), 5)])
	if n <= 0 || value > 1<<32-1 {
		r.err, r.rest = errors.New("it has a bad number"), nil
		return 0
	}
	r.rest = r.rest[n:]
	return uint32(value)
}
