//go:build !js

package password

import (
	"runtime"
	"time"
)

// pause lets whatever else is due run, where there is one thread for everything and
// nothing takes it away. The shortest sleep does what [runtime.Gosched] does not: Go looks
// for input and output too.
func pause() {
	if runtime.GOARCH == "wasm" {
		time.Sleep(time.Nanosecond)
	}
}
