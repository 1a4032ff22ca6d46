package jsfetch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall/js"
)

// Func returns h as a JavaScript function that takes a Request and returns a Promise
// of a Response. The Promise is always settled. It is rejected with a TypeError where
// fetch would see a broken connection, and with the reason of the Request's signal
// when that is aborted, which also ends the context of the handler's request.
//
// The function returns at once and the handler runs in a goroutine of its own, so
// handlers may wait for each other, for timers and for JavaScript. But WebAssembly has
// one thread, and it is the page's: while Go computes, the page stands still. Package
// password makes pauses when it hashes.
//
// The function lives as long as the program, or until its Release is called.
func Func(h http.Handler) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		executor := js.FuncOf(func(_ js.Value, settle []js.Value) any {
			go exchange(h, args, promise{settle[0], settle[1]})
			return nil
		})
		defer executor.Release() // Promise has called it when New returns
		return js.Global().Get("Promise").New(executor)
	})
}

// promise is the way to settle a Promise; only the first call of either counts.
type promise struct{ resolve, reject js.Value }

// exchange is one request from its beginning to its end.
func exchange(h http.Handler, args []js.Value, p promise) {
	// Whatever goes wrong, the caller must not wait forever: a JavaScript exception
	// arrives as a panic, and runtime.Goexit in the handler as none.
	err := errors.New("jsfetch: the handler ended without an answer")
	defer func() {
		if v := recover(); v != nil {
			err = thrown(v)
		}
		if err != nil {
			p.reject.Invoke(reason(err))
		}
	}()
	if len(args) != 1 || !args[0].InstanceOf(js.Global().Get("Request")) {
		err = errors.New("jsfetch: call it with one Request")
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	signal := args[0].Get("signal")
	abort := func() {
		p.reject.Invoke(signal.Get("reason"))
		cancel()
	}
	defer listen(signal, "abort", abort)()
	if signal.Get("aborted").Bool() {
		abort()
		err = nil // it is said
		return
	}
	r, e := fromJS(ctx, args[0])
	if e != nil {
		err = e
		return
	}
	w, e := answer(h, r)
	if e != nil {
		err = e
		return
	}
	p.resolve.Invoke(toJS(w))
	err = nil
}

// fromJS reads the Request, which uses its body up.
func fromJS(ctx context.Context, request js.Value) (*http.Request, error) {
	header := http.Header{}
	each := js.FuncOf(func(_ js.Value, args []js.Value) any {
		header.Add(args[1].String(), fromByteString(args[0].String()))
		return nil
	})
	defer each.Release()
	request.Get("headers").Call("forEach", each)

	buffer, err := await(request.Call("arrayBuffer"))
	if err != nil {
		return nil, err
	}
	bytes := js.Global().Get("Uint8Array").New(buffer)
	body := make([]byte, bytes.Length())
	js.CopyBytesToGo(body, bytes)
	return newRequest(ctx, request.Get("method").String(), request.Get("url").String(), header, body)
}

// toJS makes a Response. It panics where JavaScript throws, such as for a status
// above 599.
func toJS(w *response) js.Value {
	headers := js.Global().Get("Headers").New()
	for name, values := range w.sent {
		for _, value := range values {
			headers.Call("append", name, toByteString(value))
		}
	}
	body := js.Null() // required where a status has no body
	if w.body.Len() > 0 {
		body = js.Global().Get("Uint8Array").New(w.body.Len())
		js.CopyBytesToJS(body, w.body.Bytes())
	}
	return js.Global().Get("Response").New(body, map[string]any{
		"status":     w.status,
		"statusText": http.StatusText(w.status),
		"headers":    headers,
	})
}

// listen calls f at each event of that name until the returned function is called.
func listen(target js.Value, event string, f func()) (stop func()) {
	fn := js.FuncOf(func(js.Value, []js.Value) any { f(); return nil })
	target.Call("addEventListener", event, fn)
	return func() {
		target.Call("removeEventListener", event, fn)
		fn.Release()
	}
}

// await waits for a Promise, with the event loop running on meanwhile.
func await(p js.Value) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1) // so that the callback never waits
	fulfilled := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: args[0]}
		return nil
	})
	defer fulfilled.Release()
	rejected := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: js.Error{Value: args[0]}}
		return nil
	})
	defer rejected.Release()
	p.Call("then", fulfilled, rejected)
	o := <-settled
	return o.value, o.err
}

// thrown returns a recovered panic as an error.
func thrown(v any) error {
	if err, ok := v.(error); ok {
		return err
	}
	return fmt.Errorf("jsfetch: %v", v)
}

// reason returns what a Promise is rejected with for err: what JavaScript threw as it
// is, anything else as the TypeError that fetch has for a failed connection.
func reason(err error) js.Value {
	var e js.Error
	if errors.As(err, &e) {
		return e.Value
	}
	return js.Global().Get("TypeError").New(err.Error())
}
