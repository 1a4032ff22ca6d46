package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"

	"myauth.internal/kit"
)

// flawsOfNetworks are flaws of stores whose server is far away.
func flawsOfNetworks(k kind) []flaw {
	name := func(what string) string { return fmt.Sprintf("%s (%s)", what, k.name) }
	wired := func(change func(w *wire)) func(f *fake) {
		return func(f *fake) {
			if f.wire != nil {
				change(f.wire)
			}
		}
	}
	bug := errors.New("unexpected end of file")
	return []flaw{
		{name: name("answers with an error of its own when the server is away"), by: k.name + "/network/cut", alter: wired(func(w *wire) {
			w.fault = func(error, bool) error { return bug }
		})},
		{name: name("keeps writes in mind until the server is back"), by: k.name + "/network/cut", alter: wired(func(w *wire) {
			w.later = true
		})},
		{name: name("answers ErrNotFound when the server is away"), by: k.name + "/network/cut", alter: wired(func(w *wire) {
			w.fault = func(error, bool) error { return kit.ErrNotFound }
		})},
		{name: name("waits for the network whatever becomes of the context"), by: k.name + "/network/hang", alter: wired(func(w *wire) {
			w.patient = true
		})},
		{name: name("gives the network nothing but the context's deadline"), by: k.name + "/network/hang", alter: wired(func(w *wire) {
			w.timed = true
		})},
		{name: name("cancels over a second connection whatever becomes of the context"), by: k.name + "/network/blackhole", alter: wired(func(w *wire) {
			w.polite = true
		})},
		{name: name("connects whatever becomes of the context"), by: k.name + "/network/no-connection", alter: wired(func(w *wire) {
			w.dogged = true
		})},
		{name: name("says that a write succeeded which was lost"), by: k.name + "/network/lost-request", alter: wired(func(w *wire) {
			w.fault = func(error, bool) error { return nil }
		})},
		{name: name("answers with an error of its own when an answer is lost"), by: k.name + "/network/lost-answer", alter: wired(func(w *wire) {
			fault := w.fault
			w.fault = func(err error, sent bool) error {
				if sent {
					return bug
				}
				return fault(err, sent)
			}
		})},
		{name: name("repeats a write whose answer was lost"), by: k.name + "/network/lost-answer", alter: wired(func(w *wire) {
			w.again = true
		})},
		{name: name("answers a lost answer with ErrConflict"), by: k.name + "/network/lost-answer", alter: wired(func(w *wire) {
			fault := w.fault
			w.fault = func(err error, sent bool) error {
				if sent {
					return kit.ErrConflict
				}
				return fault(err, sent)
			}
		})},
		{name: name("takes what came of an answer for all of it"), by: k.name + "/network/cut-answer", alter: wired(func(w *wire) {
			w.ends = func(error) bool { return true }
		})},
		{name: name("takes the end of a connection for the end of an answer"), by: k.name + "/network/cut-answer", alter: wired(func(w *wire) {
			w.ends = func(err error) bool { return errors.Is(err, io.EOF) }
		})},
		{name: name("answers a ping until it is closed"), by: k.name + "/ping/network", alter: func(f *fake) {
			ping := func(ctx context.Context) error { return f.gate(ctx) }
			f.ping, f.pingTokens = ping, ping
		}},
		{name: name("answers every ping after the first as it did that one"), by: k.name + "/ping/network", alter: func(f *fake) {
			ping, connected := f.ping, false
			once := func(ctx context.Context) error {
				if connected {
					return f.gate(ctx)
				}
				err := ping(ctx)
				connected = err == nil
				return err
			}
			f.ping, f.pingTokens = once, once
		}},
		{name: name("ends a call at its deadline with the last error that it met"), by: k.name + "/network/cut", alter: wired(func(w *wire) {
			w.raw = true
		})},
		{name: name("makes no change any more after an answer was lost"), by: k.name + "/network/recovers", alter: wired(func(w *wire) {
			w.spoilt = true
		})},
		{name: name("never connects again"), by: k.name + "/network/recovers", alter: wired(func(w *wire) {
			w.stubborn = true
		})},
	}
}
