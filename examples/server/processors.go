package main

import (
	"runtime"
	"strconv"
)

// hashOnEveryProcessor sets GOMAXPROCS to one more than there are processors. The Service hashes on all
// but one of them, so hashes use every real processor, and there is always one in Go's eyes that runs
// requests; the kernel shares the real ones out. With as many hashes as Go has processors, a request
// would wait until Go interrupts one, which it does every ten milliseconds at best.
//
// What the environment says of GOMAXPROCS stays, if Go can read it. After the call Go no longer follows a
// CPU limit that changes while the server runs.
func hashOnEveryProcessor(environment string) {
	if n, err := strconv.ParseInt(environment, 10, 32); err != nil || n <= 0 { // Go itself reads it so
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}
