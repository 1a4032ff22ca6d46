package postgres

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"math/bits"
	"reflect"
)

// unique lets lib/pq give the prepared statements of a new connection names that no
// other client's have, and reports whether it could. Lib/pq numbers them from 1 on
// every connection, and behind a pooler in transaction mode a call then runs the
// statement that another client gave that number. It has no setting for the names,
// so the count begins at a random number of 62 bits, in a field that is private to
// it. Where a version of lib/pq has another one, the statements have no names: see
// [stmt].
//
// It pays: on a warm connection to PostgreSQL 15 a look-up by key takes 62 µs of
// processor time, server and client together, with a prepared statement, and 115 µs
// with its text (a write 114 and 169).
func unique(inner driver.Conn) bool {
	v := reflect.Indirect(reflect.ValueOf(inner))
	if v.Kind() != reflect.Struct || bits.UintSize < 64 {
		return false
	}
	count := v.FieldByName("namei")
	if count.Kind() != reflect.Int || !count.CanAddr() {
		return false
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	*(*int)(count.Addr().UnsafePointer()) = int(binary.BigEndian.Uint64(b[:])>>2 | 1<<62)
	return true
}
