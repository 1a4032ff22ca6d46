package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"myauth.internal/examples/wasm/hooks/plugin"
	"myauth.internal/kit"
)

// hostile are modules that are after the host's memory or time. Each is refused when
// it is loaded, or ended.
var (
	place   = i32Const(2048)
	nothing = i64Const(0)
	small   = sections(1, place, nothing, "")

	// check runs code, and then answers nothing.
	check = func(code ...[]byte) []byte { return slices.Concat(slices.Concat(code...), nothing) }
	// endless repeats code.
	endless = func(code []byte) []byte {
		return slices.Concat([]byte{loop, void}, code, []byte{br, 0, end, unreachable, end})
	}
	// consts puts numbers on the stack.
	consts = func(values ...int64) (code []byte) {
		for _, v := range values {
			code = appendSigned(append(code, i32), v)
		}
		return code
	}
	// fill fills 32 MiB.
	fill = slices.Concat(consts(0, 0, 32<<20), []byte{0xfc, 0x0b, 0})
	grow = []byte{i32, 1, memoryGrow, 0, drop}
	// tableGrow asks for a thousand entries more.
	tableGrow = slices.Concat([]byte{0xd0, 0x70}, consts(1000), []byte{0xfc, 0x0f, 0, drop})
	many      = number(1 << 27) // entries, all missing
	aTable    = module{4: {1, 0x70, 0, 1}}
)

func TestHostileModulesAreRefused(t *testing.T) {
	code := func(locals int, body []byte) module {
		return module{10: list(function(0, place), function(locals, body))}
	}
	imports := func(from, name string, kind ...byte) module {
		return module{2: list(slices.Concat(sized([]byte(from)), sized([]byte(name)), kind))}
	}
	for name, test := range map[string]struct {
		change module
		want   string
	}{
		"table.grow":         {module{4: aTable[4], 10: list(function(0, place), function(0, endless(tableGrow)))}, "reference-types"},
		"huge table":         {module{4: slices.Concat([]byte{1, 0x70, 0}, number(1<<27))}, "table of 134217728 entries"},
		"many tables":        {module{4: list(slices.Repeat([][]byte{{0x70, 0, 1}}, 50)...)}, "section 4 has more than"},
		"billions of local":  {code(1<<32-1, nothing), "more than 512 local"},
		"many groups":        {module{10: list(function(0, place), sized(slices.Concat(list(slices.Repeat([][]byte{{100, ofI32}}, 6)...), nothing)))}, "more than 512 local"},
		"long function":      {code(0, check(bytes.Repeat(grow, 20000))), "more than 65536"},
		"ranges in a row":    {code(0, check(bytes.Repeat(fill, 129))), "more than 128 instructions"},
		"many parameters":    {module{1: list(functionType(bytes.Repeat([]byte{ofI32}, 65), nil))}, "65 parameters"},
		"many results":       {module{1: list(small[1][1:6], small[1][6:], functionType(nil, bytes.Repeat([]byte{ofI32}, 1000)))}, "multi-value"},
		"many types":         {module{1: bytes.Repeat([]byte{0}, 1<<17)}, "section 1 has more than"},
		"many functions":     {module{3: bytes.Repeat([]byte{0}, 1<<17)}, "section 3 has more than"},
		"many globals":       {module{6: list(slices.Repeat([][]byte{{ofI32, 0, i32, 0, end}}, 1000)...)}, "section 6 has more than"},
		"many elements":      {module{9: bytes.Repeat([]byte{0}, 1<<20)}, "section 9 has more than"},
		"many segments":      {module{11: slices.Concat(number(1<<17+1), bytes.Repeat([]byte{0}, 1<<17+1))}, "131073 segments"},
		"large":              {module{0: bytes.Repeat([]byte{0}, 9<<20)}, "more than 8388608"},
		"memory":             {module{5: {1, 0, 17}}, "over limit of 16 pages"},
		"import of memory":   {imports("env", "memory", 2, 0, 1), "no function"},
		"import of table":    {imports("env", "table", 1, 0x70, 0, 1), "no function"},
		"import of global":   {imports("env", "global", 3, ofI32, 0), "no function"},
		"import of another":  {imports("env", "f", 0, 0), "only WASI"},
		"WASI misunderstood": {imports("wasi_snapshot_preview1", "random_get", 0, 0), "another type"},
		"function lie":       {module{3: many}, "more than it has"},
		"global lie":         {module{6: many}, "more than it has"},
		"export lie":         {module{7: many}, "more than it has"},
		"export name lie":    {module{7: list(many)}, "cut off"},
		"element lie":        {module{9: many}, "more than it has"},
		"elements lie":       {module{9: list(slices.Concat([]byte{0}, place, many))}, "more than it has"},
		"data lie":           {module{11: list(slices.Concat([]byte{0}, place, many))}, "cut off"},
		"local of two bytes": {module{10: list(function(0, place), sized(slices.Concat([]byte{2, 1, 0x63, 1}, many, nothing)))}, "no numbers"},
		"param of two bytes": {module{1: list(slices.Concat([]byte{0x60, 2, 0x63, 0, ofI32}, many))}, "no numbers"},
		"table with a value": {module{4: list(slices.Concat([]byte{0x40, 0, 0x70, 0}, many, []byte{0xd0, 0x70, end}))}, "other things than functions"},
		"more than is said":  {module{3: {2, 0, 1, 0}}, "more than it announces"},
		"a number too long":  {module{3: {0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := small.bytes(test.change)
			var err error
			used := allocated(func() {
				var p *plugin.Plugin
				if p, err = plugin.Load(t.Context(), text, &plugin.Limits{Memory: 1 << 20}, nil); err == nil {
					p.Close(t.Context())
				}
			})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want something with %q", err, test.want)
			}
			if used > 32<<20 {
				t.Errorf("it took %d MiB", used>>20)
			}
		})
	}
}

// What custom sections say, nobody reads: wazero makes room for as many names as one
// announces.
func TestCustomSectionsAreLeftOut(t *testing.T) {
	names := func(subsection ...byte) []byte { return slices.Concat(sized([]byte("name")), subsection) }
	for name, section := range map[string][]byte{
		"name of the section":   many,
		"names of functions":    names(append([]byte{1}, sized(many)...)...),
		"names of locals":       names(append([]byte{2}, sized(many)...)...),
		"names of one function": names(append([]byte{2}, sized(append([]byte{1, 0}, many...))...)...),
	} {
		t.Run(name, func(t *testing.T) {
			text := small.bytes(module{0: section})
			used := allocated(func() {
				p, err := plugin.Load(t.Context(), text, &plugin.Limits{Memory: 1 << 20}, nil)
				if err != nil {
					t.Fatal(err)
				}
				p.Close(t.Context())
			})
			if used > 32<<20 {
				t.Errorf("it took %d MiB", used>>20)
			}
		})
	}
}

// Compilers take minutes and gigabytes for these. All of them are valid, and harmless
// when they run.
func TestCostlyFunctionsLoad(t *testing.T) {
	const locals, size = 500, 60 << 10
	count := func(i int) []byte { // one more in a local variable
		n := number(2 + i%locals)
		return slices.Concat([]byte{localGet}, n, []byte{i32, 1, 0x6a, 0x21}, n)
	}
	var all []byte
	for i := range locals {
		all = append(all, count(i)...)
	}
	until := func(piece func(i int) []byte) (code []byte) {
		for i := 0; len(code) < size; i++ {
			code = append(code, piece(i)...)
		}
		return code
	}
	ends := bytes.Repeat([]byte{end}, size/4)
	for name, body := range map[string][]byte{
		"nested loops":  slices.Concat(bytes.Repeat([]byte{loop, void}, size/4), all, ends),
		"nested blocks": slices.Concat(bytes.Repeat([]byte{0x02, void}, size/4), all, ends),
		"loops":         until(func(i int) []byte { return slices.Concat([]byte{loop, void}, count(i), []byte{i32, 0, 0x0d, 0, end}) }),
		"ifs":           until(func(i int) []byte { return slices.Concat([]byte{localGet, 0, 0x04, void}, count(i), []byte{end}) }),
		"branches":      slices.Concat([]byte{0x02, void}, all, []byte{localGet, 0, 0x0e}, number(50000), make([]byte, 50001), []byte{end}),
	} {
		t.Run(name, func(t *testing.T) {
			text := small.bytes(module{10: list(function(0, place), function(locals, check(body)))})
			start := time.Now()
			used := allocated(func() {
				p, err := plugin.Load(t.Context(), text, nil, nil)
				if err != nil {
					t.Fatal(err)
				}
				p.Close(t.Context())
			})
			if took := time.Since(start); used > 256<<20 || took > 20*time.Second {
				t.Errorf("it took %d MiB and %v", used>>20, took)
			}
		})
	}
}

func TestHostileModulesEnd(t *testing.T) {
	// Function 2 of this module calls function 3 twice, that one 4 twice, and so on: no
	// loop, and more calls than anybody can wait for.
	tree := [][]byte{function(0, place), function(0, check([]byte{call, 2}))}
	for i := range 60 {
		tree = append(tree, function(0, []byte{call, byte(3 + i), call, byte(3 + i), end}))
	}
	tree = append(tree, function(0, []byte{end}))
	treeTypes := list(small[1][1:6], small[1][6:], functionType(nil, nil))
	// deep has as much on its stack as its size allows when it calls itself.
	deep := slices.Concat(bytes.Repeat([]byte{localGet, 0}, 20<<10), []byte{localGet, 0, localGet, 1, call, 1}, bytes.Repeat([]byte{drop}, 20<<10+1), nothing)
	for name, change := range map[string]module{
		"fills":              {5: slices.Concat([]byte{1, 0}, number(512)), 10: list(function(0, place), function(0, endless(bytes.Repeat(fill, 100))))},
		"grows":              {10: list(function(0, place), function(0, endless(grow)))},
		"a tree of calls":    {1: treeTypes, 3: list(append([][]byte{{0}, {1}}, slices.Repeat([][]byte{{2}}, 61)...)...), 10: list(tree...)},
		"recursion":          {10: list(function(0, place), function(500, deep))},
		"loops at the start": {1: treeTypes, 3: {3, 0, 1, 2}, 8: {2}, 10: list(function(0, place), function(0, nothing), function(0, endless(nil)))},
		"loops in _initialize": {
			1: treeTypes, 3: {3, 0, 1, 2}, 10: list(function(0, place), function(0, nothing), function(0, endless(nil))),
			7: []byte("\x04\x06memory\x02\x00\x05alloc\x00\x00\x05check\x00\x01\x0b_initialize\x00\x02"),
		},
		"exits":           calling("proc_exit", 1, 0, 0),
		"floods stdout":   calling("fd_write", 4, 1, 1, 1024, 1<<14, 0),
		"reads stdin":     calling("fd_read", 4, 1, 0, 1024, 1<<14, 0),
		"randomness":      calling("random_get", 2, 1, 0, 1<<20),
		"some randomness": calling("random_get", 2, 1, 0, 1024),
		"many events":     calling("poll_oneoff", 4, 1, 0, 0, 20000, 0),
		"sleeps":          calling("poll_oneoff", 4, 1, 0, 1024, 1, 2048),
		"yields":          calling("sched_yield", 0, 1),
		"opens a socket":  calling("sock_accept", 3, 1, 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			limit := 200 * time.Millisecond
			if name == "recursion" {
				limit = 20 * time.Second // its depth is to end it, long before
			}
			m := small.bytes(change)
			var reported bytes.Buffer
			p, err := plugin.Load(t.Context(), m, &plugin.Limits{Timeout: limit, Memory: 32 << 20}, slog.New(slog.NewTextHandler(&reported, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close(context.Background())
			start := time.Now()
			used := allocated(func() { err = p.BeforeRegister(t.Context(), kit.Registration{Email: "ada@example.com"}) })
			if !errors.Is(err, kit.ErrUnavailable) || reported.Len() == 0 {
				t.Errorf("%v; reported %q", err, reported.String())
			}
			if took := time.Since(start); took > 8*time.Second {
				t.Errorf("it ended after %v", took)
			}
			if used > 256<<20 {
				t.Errorf("it took %d MiB", used>>20)
			}
		})
	}
}

// calling is a module that calls a function of WASI again and again, which takes params
// numbers, and returns results.
func calling(name string, params, results int, args ...int64) module {
	kinds := bytes.Repeat([]byte{ofI32}, params)
	code := slices.Concat(consts(args...), []byte{call, 0})
	if results == 1 {
		code = append(code, drop)
	}
	return module{
		1:  list(small[1][1:6], small[1][6:], functionType(kinds, bytes.Repeat([]byte{ofI32}, results))),
		2:  list(slices.Concat(sized([]byte("wasi_snapshot_preview1")), sized([]byte(name)), []byte{0, 2})),
		7:  []byte("\x03\x06memory\x02\x00\x05alloc\x00\x01\x05check\x00\x02"),
		10: list(function(0, place), function(0, endless(code))),
	}
}

// allocated returns how many bytes f asks the Go runtime for, whatever is freed since.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever a file holds, Load answers, and a plug-in that it accepts ends.
func FuzzLoad(f *testing.F) {
	f.Add(small.bytes(nil))
	f.Add(small.bytes(calling("random_get", 2, 1, 1024, 16)))
	f.Add(sections(1, place, i64Const(1024<<32|16), `{"refuse":false}`).bytes(module{4: aTable[4]}))
	f.Fuzz(func(t *testing.T, module []byte) {
		var p *plugin.Plugin
		var err error
		used := allocated(func() {
			p, err = plugin.Load(t.Context(), module, &plugin.Limits{Timeout: 100 * time.Millisecond, Memory: 1 << 20}, slog.New(slog.DiscardHandler))
		})
		if used > 64<<20 {
			t.Errorf("%d bytes took %d MiB", len(module), used>>20)
		}
		if err != nil {
			return
		}
		defer p.Close(context.Background())
		if err := p.BeforeRegister(t.Context(), kit.Registration{Email: "ada@example.com"}); err != nil && !errors.Is(err, kit.ErrUnavailable) && !errors.As(err, new(*kit.ValidationError)) {
			t.Error(err)
		}
	})
}
