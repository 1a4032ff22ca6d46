//go:build wasip1

// Command guest is a plug-in that refuses addresses of disposable mailboxes.
package main

import (
	"strings"
	"unsafe"

	"myauth.internal/kit/ijson"
)

// disposable would come from a list that is kept up to date.
var disposable = []string{"mailinator.com", "guerrillamail.com", "10minutemail.com"}

// An instance answers one question, so one buffer each way is enough. They are
// variables of the package so that the collector leaves them alone.
var request, answer []byte

//go:wasmexport alloc
func alloc(size uint32) uint32 {
	request = make([]byte, size+1) // never empty
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(request))))
}

//go:wasmexport check
func check(_, size uint32) uint64 {
	answer = []byte(verdict(request[:size]))
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(answer))))<<32 | uint64(len(answer))
}

func verdict(request []byte) string {
	domain := ""
	err := ijson.Object(request, 1, func(name, value []byte) (err error) {
		if string(name) == "email_domain" {
			domain, err = ijson.String(value)
		}
		return err
	})
	if err != nil {
		panic(err) // the host has broken its word; it reports this
	}
	for _, bad := range disposable {
		if domain == bad || strings.HasSuffix(domain, "."+bad) {
			return `{"refuse":true,"code":"disposable_email","message":"Use an address that you will keep."}`
		}
	}
	return `{"refuse":false}`
}

func main() {} // the host calls what is exported
