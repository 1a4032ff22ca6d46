// Package plugin runs a WebAssembly module as a hook that may refuse a registration.
//
// The module sees the domain of the email address and nothing else. It has no files, no
// network and no environment, and a new instance for every registration, so nothing stays
// from one to the next. Its memory and its time are bounded. If it fails, the registration
// is refused as unavailable, the failure is logged, and the server goes on. The bounds are
// for faults, not for attacks: load only modules from people that you trust.
package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"myauth.internal/kit"
)

// Limits bound what a plug-in may use. Zero fields mean the defaults.
type Limits struct {
	// Memory is the most that one instance may have, in bytes, rounded up to pages
	// of 64 KiB; default 32 MiB.
	Memory uint32
	// Timeout ends a check, the wait for a free instance included; default 2s.
	Timeout time.Duration
	// Concurrency is how many instances run at a time; default 4.
	Concurrency int
}

func (l *Limits) withDefaults() Limits {
	if l == nil {
		l = &Limits{}
	}
	return Limits{cmp.Or(l.Memory, 32<<20), cmp.Or(l.Timeout, 2*time.Second), cmp.Or(l.Concurrency, 4)}
}

const pageSize = 64 << 10

// Plugin is a module that is compiled and ready. It is safe for concurrent use.
type Plugin struct {
	limits  Limits
	logger  *slog.Logger
	runtime wazero.Runtime
	module  wazero.CompiledModule
	slots   chan struct{}
}

// Load compiles a module of the form that the README of this example describes, and runs
// nothing of it. A nil logger means slog.Default().
func Load(ctx context.Context, module []byte, limits *Limits, logger *slog.Logger) (*Plugin, error) {
	if logger == nil {
		logger = slog.Default()
	}
	p := &Plugin{limits: limits.withDefaults(), logger: logger}
	p.slots = make(chan struct{}, p.limits.Concurrency)
	pages := min((uint64(p.limits.Memory)+pageSize-1)/pageSize, 1<<16)
	p.runtime = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().
		WithCloseOnContextDone(true). // which ends an endless loop
		WithMemoryLimitPages(uint32(pages)))
	if err := p.compile(ctx, module); err != nil {
		return nil, errors.Join(fmt.Errorf("plugin: %w", err), p.runtime.Close(ctx))
	}
	return p, nil
}

func (p *Plugin) compile(ctx context.Context, module []byte) error {
	// With the default configuration of an instance there is nothing behind WASI.
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, p.runtime); err != nil {
		return err
	}
	var err error
	if p.module, err = p.runtime.CompileModule(experimental.WithFunctionListenerFactory(ctx, guard{}), module); err != nil {
		return err
	}
	for _, f := range p.module.ImportedFunctions() {
		if from, name, _ := f.Import(); from != wasi_snapshot_preview1.ModuleName {
			return fmt.Errorf("it imports %s.%s: there is nothing but WASI", from, name)
		}
	}
	if _, found := p.module.ExportedMemories()["memory"]; !found {
		return errors.New("it exports no memory")
	}
	const i32, i64 = api.ValueTypeI32, api.ValueTypeI64
	exported := p.module.ExportedFunctions()
	if !hasType(exported["alloc"], []api.ValueType{i32}, []api.ValueType{i32}) {
		return errors.New("it exports no function alloc from i32 to i32")
	}
	if !hasType(exported["check"], []api.ValueType{i32, i32}, []api.ValueType{i64}) {
		return errors.New("it exports no function check from i32, i32 to i64")
	}
	return nil
}

func hasType(f api.FunctionDefinition, params, results []api.ValueType) bool {
	return f != nil && string(f.ParamTypes()) == string(params) && string(f.ResultTypes()) == string(results)
}

// Close ends the plug-in. Checks that are running fail.
func (p *Plugin) Close(ctx context.Context) error { return p.runtime.Close(ctx) }

// BeforeRegister is for kit.Hooks. It returns nil, a [kit.ValidationError] when the
// plug-in refuses, and an error that wraps [kit.ErrUnavailable] when it fails, so that
// no account is created without a check.
func (p *Plugin) BeforeRegister(ctx context.Context, r kit.Registration) error {
	domain := strings.ToLower(r.Email[strings.LastIndexByte(r.Email, '@')+1:])
	verdict, err := p.check(ctx, domain)
	switch {
	case err == nil && verdict.refuse:
		return &kit.ValidationError{Fields: []kit.FieldError{{Field: "email", Code: verdict.code, Message: verdict.message}}}
	case err == nil:
		return nil
	case ctx.Err() != nil: // the client has gone, which is no fault of the plug-in
		return ctx.Err()
	}
	p.logger.ErrorContext(ctx, "registration plug-in failed", "err", err)
	return fmt.Errorf("plugin: %w", kit.ErrUnavailable)
}

// check asks a new instance. An error holds nothing of what the plug-in saw or said.
func (p *Plugin) check(ctx context.Context, domain string) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limits.Timeout)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return verdict{}, fmt.Errorf("no instance was free: %w", ctx.Err())
	}
	instance, err := p.runtime.InstantiateModule(ctx, p.module,
		wazero.NewModuleConfig().WithName("").WithStartFunctions("_initialize"))
	if err != nil {
		return verdict{}, fmt.Errorf("it did not start: %w", err)
	}
	// Also when the time is up: the memory must go.
	defer instance.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to be done with it
	request := appendRequest(nil, domain)
	room, err := instance.ExportedFunction("alloc").Call(ctx, uint64(len(request)))
	if err != nil {
		return verdict{}, fmt.Errorf("alloc: %w", err)
	}
	memory := instance.ExportedMemory("memory")
	if !memory.Write(uint32(room[0]), request) {
		return verdict{}, errors.New("alloc gave a place that is not in its memory")
	}
	answer, err := instance.ExportedFunction("check").Call(ctx, room[0], uint64(len(request)))
	if err != nil {
		return verdict{}, fmt.Errorf("check: %w", err)
	}
	size := uint32(answer[0])
	if size > maxAnswer {
		return verdict{}, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	text, ok := memory.Read(uint32(answer[0]>>32), size)
	if !ok {
		return verdict{}, errors.New("the answer is not in its memory")
	}
	return parseVerdict(text)
}
