package plugin

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

const wasi = "wasi_snapshot_preview1"

// Numbers of errors in WASI preview 1.
const (
	errnoSuccess = 0
	errnoFault   = 21
	errnoInval   = 28
	errnoNosys   = 52
)

// The most that one call hands out.
const (
	maxRandom = 1024 // bytes
	maxEvents = 16
)

// hostFunction is a function of WASI that does something. Its arguments are those of
// the specification, without names; memory is nil for a module that has none.
type hostFunction struct {
	params []api.ValueType
	call   func(memory api.Memory, args []uint64) (errno uint32)
}

var (
	i32, i64 = api.ValueTypeI32, api.ValueTypeI64

	// hostFunctions are what a program needs to start. Each does a bounded piece of
	// work, so a module gains nothing by calling one very often or on all its memory.
	hostFunctions = map[string]hostFunction{
		"args_sizes_get":    {[]api.ValueType{i32, i32}, none},
		"environ_sizes_get": {[]api.ValueType{i32, i32}, none},
		"args_get":          {[]api.ValueType{i32, i32}, nothing},
		"environ_get":       {[]api.ValueType{i32, i32}, nothing},
		"sched_yield":       {nil, nothing},
		"clock_res_get":     {[]api.ValueType{i32, i32}, func(m api.Memory, a []uint64) uint32 { return put(m, a[1], 1) }},
		"clock_time_get":    {[]api.ValueType{i32, i64, i32}, func(m api.Memory, a []uint64) uint32 { return put(m, a[2], frozen) }},
		"random_get":        {[]api.ValueType{i32, i32}, random},
		"poll_oneoff":       {[]api.ValueType{i32, i32, i32, i32}, poll},
	}
)

// frozen is what every clock shows: the first of January 2022, in nanoseconds.
const frozen = 1640995200_000000000

func nothing(api.Memory, []uint64) uint32 { return errnoSuccess }

// none answers that there are no arguments, or variables, and that they take no room.
func none(m api.Memory, args []uint64) uint32 {
	if !m.WriteUint32Le(uint32(args[0]), 0) || !m.WriteUint32Le(uint32(args[1]), 0) {
		return errnoFault
	}
	return errnoSuccess
}

func put(m api.Memory, where, value uint64) uint32 {
	if !m.WriteUint64Le(uint32(where), value) {
		return errnoFault
	}
	return errnoSuccess
}

func random(m api.Memory, args []uint64) uint32 {
	if uint32(args[1]) > maxRandom {
		return errnoInval
	}
	room, ok := m.Read(uint32(args[0]), uint32(args[1]))
	if !ok {
		return errnoFault
	}
	rand.Read(room) // never fails
	return errnoSuccess
}

// poll answers every subscription at once: a module that wants to sleep does not.
func poll(m api.Memory, args []uint64) uint32 {
	const subscriptionSize, eventSize = 48, 32
	in, out, count, written := uint32(args[0]), uint32(args[1]), uint32(args[2]), uint32(args[3])
	if count == 0 || count > maxEvents {
		return errnoInval
	}
	subscriptions, ok := m.Read(in, count*subscriptionSize)
	if !ok {
		return errnoFault
	}
	var events []byte
	for s := range slices.Chunk(subscriptions, subscriptionSize) {
		event := make([]byte, eventSize)
		copy(event, s[:8]) // userdata; then no error
		event[10] = s[8]   // the kind of event
		events = append(events, event...)
	}
	if !m.Write(out, events) || !m.WriteUint32Le(written, count) {
		return errnoFault
	}
	return errnoSuccess
}

// instantiateWASI gives the runtime the functions of WASI that module imports. Those
// that are not in hostFunctions answer that there is no such thing: no files, no
// network, and nothing is printed.
func instantiateWASI(ctx context.Context, runtime wazero.Runtime, module wazero.CompiledModule) error {
	host := runtime.NewHostModuleBuilder(wasi)
	for _, imported := range module.ImportedFunctions() {
		from, name, _ := imported.Import()
		if from != wasi {
			return fmt.Errorf("it imports %s.%s; there is only WASI here", from, name)
		}
		f := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = errnoNosys })
		known, found := hostFunctions[name]
		params, results := imported.ParamTypes(), imported.ResultTypes()
		switch {
		case name == "proc_exit" && hasType(imported, []api.ValueType{i32}, nil):
			f = func(_ context.Context, _ api.Module, stack []uint64) { panic(sys.NewExitError(uint32(stack[0]))) }
		case len(results) != 1 || results[0] != i32 || found && !slices.Equal(params, known.params):
			return fmt.Errorf("it imports %s.%s with another type than WASI's", from, name)
		case found:
			f = func(_ context.Context, caller api.Module, stack []uint64) {
				stack[0] = errnoFault
				if m := caller.Memory(); m != nil {
					stack[0] = uint64(known.call(m, stack))
				}
			}
		}
		host = host.NewFunctionBuilder().WithGoModuleFunction(f, params, results).Export(name)
	}
	_, err := host.Instantiate(ctx)
	return err
}
