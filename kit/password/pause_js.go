package password

import (
	"syscall/js"
	"time"
)

// pause lets the event loop of JavaScript run, so that a page can draw and answer while
// it hashes. Go returns to the loop only when every goroutine waits, and this one waits
// for a message that it sends to itself: browsers make a timer wait 4 ms, and a second
// in a page that nobody sees. A runtime without MessageChannel has the timer.
func pause() {
	channel := js.Global().Get("MessageChannel")
	if channel.IsUndefined() {
		time.Sleep(time.Nanosecond)
		return
	}
	arrived := make(chan struct{})
	onmessage := js.FuncOf(func(js.Value, []js.Value) any {
		close(arrived)
		return nil
	})
	defer onmessage.Release()
	ports := channel.New()
	defer ports.Get("port1").Call("close")
	ports.Get("port1").Set("onmessage", onmessage)
	ports.Get("port2").Call("postMessage", nil)
	<-arrived
}
