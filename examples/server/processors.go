package main

import "runtime"

// hashOnEveryProcessor gives Go one processor more than there are. The Service hashes on all of them but
// one, so every real one hashes, and requests do not wait for a hash: they run on the one that Go
// believes in, and the kernel shares the real ones out. Go alone would let them wait, since it takes a
// processor from a computation every ten milliseconds at best.
//
// GOMAXPROCS in the environment is what its setter wants, and stays. Go no longer follows a CPU limit
// that changes while the server runs.
func hashOnEveryProcessor(lookup func(string) (string, bool)) {
	if _, chosen := lookup("GOMAXPROCS"); !chosen {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}
