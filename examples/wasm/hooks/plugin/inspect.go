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
	sectionCustom   = 0
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
// when it is loaded or when it runs, and returns the others as wazero is to have them:
// without custom sections, which hold names for debuggers. It comes before wazero reads
// the module, which makes room for whatever a module declares, such as four billion local
// variables. So it reads the same bytes in the same way, each section to its last byte.
// Whether the module is valid is for wazero to say.
func inspect(module []byte) ([]byte, error) {
	if len(module) > maxModule {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(module), maxModule)
	}
	magic := []byte("\x00asm\x01\x00\x00\x00")
	rest, found := bytes.CutPrefix(module, magic)
	if !found {
		return nil, errors.New("it is not a WebAssembly module of version 1")
	}
	kept := magic
	r := reader{rest: rest}
	for len(r.rest) > 0 && r.err == nil {
		whole := r.rest
		id := r.byte()
		section := reader{rest: r.take(r.u32())}
		if id == sectionCustom {
			continue
		}
		kept = append(kept, whole[:len(whole)-len(r.rest)]...)
		if most, bounded := maxSection[id]; bounded && uint32(len(section.rest)) > most {
			return nil, fmt.Errorf("section %d has more than %d bytes", id, most)
		}
		check := sectionChecks[id]
		if check == nil || r.err != nil {
			continue // it has no lists
		}
		err := check(&section)
		if err == nil && section.err == nil && len(section.rest) > 0 {
			section.err = errors.New("it has more than it announces")
		}
		if err == nil {
			err = section.err
		}
		if err != nil {
			return nil, fmt.Errorf("section %d: %w", id, err)
		}
	}
	return kept, r.err
}

var sectionChecks = map[byte]func(*reader) error{
	sectionType:   inspectTypes,
	sectionImport: inspectImports,
	sectionFunction: func(r *reader) error {
		for n := r.count(); n > 0 && r.err == nil; n-- {
			r.u32() // its type
		}
		return nil
	},
	sectionTable: inspectTables,
	sectionGlobal: func(r *reader) error {
		for n := r.count(); n > 0 && r.err == nil; n-- {
			r.number()
			r.byte() // whether it can change
			r.constant()
		}
		return nil
	},
	sectionExport: func(r *reader) error {
		for n := r.count(); n > 0 && r.err == nil; n-- {
			r.take(r.u32()) // its name
			r.byte()        // its kind
			r.u32()         // which one
		}
		return nil
	},
	sectionElement: inspectElements,
	sectionCode:    inspectCode,
	sectionData:    inspectData,
}

func inspectTypes(r *reader) error {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if form := r.byte(); form != 0x60 {
			return fmt.Errorf("it has a type of form %#x; there are only functions here", form)
		}
		params := r.count()
		if params > maxParams {
			return fmt.Errorf("it has a function of %d parameters, more than %d", params, maxParams)
		}
		for range params {
			r.number()
		}
		for range r.count() { // the results: at most one without multi-value
			r.number()
		}
	}
	return nil
}

func inspectImports(r *reader) error {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		from, name := r.take(r.u32()), r.take(r.u32())
		if kind := r.byte(); kind != 0 && r.err == nil {
			return fmt.Errorf("it imports %q.%q, which is no function", from, name)
		}
		r.u32() // its type
	}
	return nil
}

func inspectTables(r *reader) error {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if holds := r.byte(); holds != 0x70 {
			return errors.New("it has a table of other things than functions")
		}
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

func inspectElements(r *reader) error {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		if form := r.u32(); form != 0 && r.err == nil {
			return fmt.Errorf("it has elements of form %d; compilers write form 0 for functions in a table", form)
		}
		r.constant() // where they begin
		for m := r.count(); m > 0 && r.err == nil; m-- {
			r.u32() // a function
		}
	}
	return nil
}

func inspectCode(r *reader) error {
	for n := r.count(); n > 0 && r.err == nil; n-- {
		size := r.u32()
		if size > maxBody {
			return fmt.Errorf("it has a function of %d bytes, more than %d", size, maxBody)
		}
		body := reader{rest: r.take(size)}
		locals := uint64(0)
		for groups := body.count(); groups > 0 && body.err == nil; groups-- {
			locals += uint64(body.u32())
			body.number()
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

func inspectData(r *reader) error {
	segments := r.count()
	if segments > maxSegments {
		return fmt.Errorf("it has %d segments, more than %d", segments, maxSegments)
	}
	for ; segments > 0 && r.err == nil; segments-- {
		switch form := r.u32(); form {
		case 0:
			r.constant() // where it begins
		case 1: // nowhere, until memory.init
		case 2:
			r.u32() // which memory
			r.constant()
		default:
			return fmt.Errorf("it has data of form %d", form)
		}
		r.take(r.u32())
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

func (r *reader) fail(text string) {
	if r.err == nil {
		r.err, r.rest = errors.New(text), nil
	}
}

func (r *reader) take(n uint32) []byte {
	if uint64(n) > uint64(len(r.rest)) {
		r.fail("it is cut off")
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
		r.fail("it has a bad number")
		return 0
	}
	r.rest = r.rest[n:]
	return uint32(value)
}

// count reads how many entries follow. Each has a byte at least, and wazero makes room
// for as many as are announced.
func (r *reader) count() uint32 {
	n := r.u32()
	if uint64(n) > uint64(len(r.rest)) {
		r.fail("it announces more than it has")
		return 0
	}
	return n
}

// number reads a type of values, one of four: what else may stand there is longer.
func (r *reader) number() {
	if t := r.byte(); t < 0x7c || t > 0x7f {
		r.fail("it has values that are no numbers")
	}
}

// constant reads an expression with a constant value.
func (r *reader) constant() {
	for r.err == nil {
		switch r.byte() {
		case 0x41, 0x42, 0x23: // i32.const, i64.const, global.get
			for r.byte()&0x80 != 0 {
			}
		case 0x43: // f32.const
			r.take(4)
		case 0x44: // f64.const
			r.take(8)
		case 0x0b: // end
			return
		default:
			r.fail("it has a constant that is computed")
		}
	}
}
