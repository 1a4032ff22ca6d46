package plugin

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// maxDepth is how many calls may be under way in an instance. A Go program needs some
// dozens: its own stack is in its memory.
const maxDepth = 200

var errTooDeep = errors.New("stack overflow")

// guard looks at each call of a function: wazero looks at the time limit in loops
// alone, and a tree of calls needs none; and wazero ends a recursion when its stack has
// taken more memory than a module gets here.
type guard struct{}

// NewFunctionListener is asked for each function of a module.
func (g guard) NewFunctionListener(api.FunctionDefinition) experimental.FunctionListener { return g }

type depthKey struct{}

// withDepth returns a context for all calls of one instance. It must be the last that
// is derived, so that each call finds the counter at once.
func withDepth(ctx context.Context) context.Context {
	return context.WithValue(ctx, depthKey{}, new(int))
}

// Before ends the call with a panic, which wazero turns into the call's error.
func (guard) Before(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64, _ experimental.StackIterator) {
	if err := ctx.Err(); err != nil {
		panic(err)
	}
	depth := ctx.Value(depthKey{}).(*int)
	if *depth++; *depth > maxDepth {
		panic(errTooDeep)
	}
}

// After is called when a function has returned.
func (guard) After(ctx context.Context, _ api.Module, _ api.FunctionDefinition, _ []uint64) {
	*ctx.Value(depthKey{}).(*int)--
}

// Abort is called when a function has not returned; then nor does the instance.
func (guard) Abort(context.Context, api.Module, api.FunctionDefinition, error) {}
