//go:build wasip1

package main

import "unsafe"

// What an http-wasm host lets its guest do (http-wasm's HTTP handler ABI). Pointers
// are into the guest's memory; a buffer that is too small is left alone, and the
// length that would have been needed comes back.

//go:wasmimport http_handler get_config
func hostConfig(buf unsafe.Pointer, limit uint32) uint32

//go:wasmimport http_handler get_header_values
func hostHeaderValues(kind uint32, name unsafe.Pointer, nameLen uint32, buf unsafe.Pointer, limit uint32) uint64

//go:wasmimport http_handler set_header_value
func hostSetHeader(kind uint32, name unsafe.Pointer, nameLen uint32, value unsafe.Pointer, valueLen uint32)

//go:wasmimport http_handler remove_header
func hostRemoveHeader(kind uint32, name unsafe.Pointer, nameLen uint32)

//go:wasmimport http_handler set_status_code
func hostSetStatus(status uint32)

//go:wasmimport http_handler write_body
func hostWriteBody(kind uint32, body unsafe.Pointer, bodyLen uint32)

//go:wasmimport http_handler log
func hostLog(level int32, message unsafe.Pointer, messageLen uint32)

const (
	ofRequest, ofResponse = 0, 1 // kinds of headers and bodies
	levelError            = 2
)

func pointer(s string) unsafe.Pointer { return unsafe.Pointer(unsafe.StringData(s)) }

func setHeader(kind uint32, name, value string) {
	hostSetHeader(kind, pointer(name), uint32(len(name)), pointer(value), uint32(len(value)))
}

func removeHeader(kind uint32, name string) {
	hostRemoveHeader(kind, pointer(name), uint32(len(name)))
}

func logError(message string) { hostLog(levelError, pointer(message), uint32(len(message))) }

// config returns what the operator of the host has configured for this guest.
func config() []byte {
	size := hostConfig(nil, 0)
	if size == 0 {
		return nil
	}
	buf := make([]byte, size)
	return buf[:hostConfig(unsafe.Pointer(unsafe.SliceData(buf)), size)]
}

// headers holds what the host writes; a guest runs one request at a time.
var headers [maxHeader]byte

// authorization returns the first Authorization header of the request, how many
// there are, and whether they are longer than any token.
func authorization() (value string, count int, tooLong bool) {
	const name = "Authorization"
	result := hostHeaderValues(ofRequest, pointer(name), uint32(len(name)), unsafe.Pointer(&headers), uint32(len(headers)))
	count, size := int(result>>32), int(uint32(result))
	if count == 0 {
		return "", 0, false
	}
	if size > len(headers) {
		return "", count, true
	}
	return string(headers[:max(size-1, 0)]), count, false // each value ends with a zero byte
}
