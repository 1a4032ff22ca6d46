package plugin

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// guard ends an instance whose time is over at its next call of a function. Wazero looks at
// the time in loops only, so calls that branch without a loop could run for hours.
type guard struct{}

// NewFunctionListener is asked for each function of a module.
func (g guard) NewFunctionListener(api.FunctionDefinition) experimental.FunctionListener { return g }

// Before ends the call with a panic, which wazero turns into the call's error.
func (guard) Before(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	if err := ctx.Err(); err != nil {
		panic(err)
	}
}

// After is called when a function has returned.
func (guard) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}

// Abort is called when a function has not returned.
func (guard) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
