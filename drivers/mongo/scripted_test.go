package mongo_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// scripted is a member of a replica set whose answers a test writes: for what no
// server at hand does, and for what a race does once in a while. It speaks as much
// of the wire protocol as the driver needs
// (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/).
type scripted struct {
	listener net.Listener
	hello    bson.D // its part in the set
	// answer returns the reply to a command, of which it gets the name and the
	// body. nil: {ok: 1}, which also begins every other reply that does not begin
	// with an ok of its own.
	answer func(name string, body bson.Raw) bson.D

	mu   sync.Mutex // of hello too
	seen []string   // names of the commands that a program asked for
}

// startScripted returns members of one replica set, the first of which is the
// primary, and the URI of the set.
func startScripted(t *testing.T, answers ...func(name string, body bson.Raw) bson.D) (members []*scripted, uri string) {
	t.Helper()
	var hosts bson.A
	var addresses []string
	for _, answer := range answers {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, &scripted{listener: l, answer: answer})
		hosts = append(hosts, l.Addr().String())
		addresses = append(addresses, l.Addr().String())
	}
	var serving sync.WaitGroup
	for i, m := range members {
		m.hello = bson.D{
			{Key: "ok", Value: 1}, {Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: i == 0}, {Key: "ismaster", Value: i == 0}, {Key: "secondary", Value: i > 0},
			{Key: "setName", Value: "rs"}, {Key: "setVersion", Value: 1}, {Key: "hosts", Value: hosts}, {Key: "me", Value: hosts[i]},
			{Key: "minWireVersion", Value: 0}, {Key: "maxWireVersion", Value: 21},
			{Key: "maxBsonObjectSize", Value: 16 << 20}, {Key: "maxMessageSizeBytes", Value: 48 << 20}, {Key: "maxWriteBatchSize", Value: 100_000},
		}
		serving.Go(func() { m.serve(&serving) })
	}
	t.Cleanup(func() {
		for _, m := range members {
			_ = m.listener.Close()
		}
		serving.Wait() // the clients of the test have gone before
	})
	return members, "mongodb://" + strings.Join(addresses, ",") + "/app?replicaSet=rs&retryWrites=false"
}

// elsewhere has the member name another one as the only one of its set.
func (m *scripted) elsewhere(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.hello {
		switch m.hello[i].Key {
		case "hosts":
			m.hello[i].Value = bson.A{address}
		case "me":
			m.hello[i].Value = address
		}
	}
}

// count returns how often a command of that name came.
func (m *scripted) count(name string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, seen := range m.seen {
		if seen == name {
			n++
		}
	}
	return n
}

func (m *scripted) serve(serving *sync.WaitGroup) {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			return
		}
		serving.Go(func() {
			defer conn.Close()
			for m.exchange(conn) == nil {
			}
		})
	}
}

// The operations of the protocol that are used: a handshake is an opQuery, all
// else an opMsg.
const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013
)

func (m *scripted) exchange(conn net.Conn) error {
	var head [16]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	rest := make([]byte, binary.LittleEndian.Uint32(head[:])-16)
	if _, err := io.ReadFull(conn, rest); err != nil {
		return err
	}
	id, op := binary.LittleEndian.Uint32(head[4:]), binary.LittleEndian.Uint32(head[12:])
	var prefix []byte
	var body bson.Raw
	switch op {
	case opQuery: // flags, a name, two numbers, the body
		name := strings.IndexByte(string(rest[4:]), 0)
		body = rest[4+name+1+8:]
		op, prefix = opReply, make([]byte, 20)
		prefix[16] = 1 // documents
	case opMsg: // flags, sections; that of kind 0 is the body, and those of kind 1 are arrays of it
		prefix = make([]byte, 5)
		var arrays bson.D
		for sections := rest[4:]; len(sections) > 0; {
			size := binary.LittleEndian.Uint32(sections[1:])
			section := sections[1 : 1+size]
			if sections[0] == 0 {
				body = section
			} else {
				arrays = append(arrays, array(section[4:]))
			}
			sections = sections[1+size:]
		}
		if len(arrays) > 0 {
			var whole bson.D
			if err := bson.Unmarshal(body, &whole); err != nil {
				return err
			}
			var err error
			if body, err = bson.Marshal(append(whole, arrays...)); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("the driver sends an operation %d", op)
	}
	document, err := bson.Marshal(m.reply(body))
	if err != nil {
		return err
	}
	message := binary.LittleEndian.AppendUint32(nil, uint32(16+len(prefix)+len(document)))
	for _, number := range []uint32{1, id, op} {
		message = binary.LittleEndian.AppendUint32(message, number)
	}
	_, err = conn.Write(append(append(message, prefix...), document...))
	return err
}

// array reads a name and the documents behind it.
func array(section []byte) bson.E {
	name := strings.IndexByte(string(section), 0)
	documents := bson.A{}
	for rest := section[name+1:]; len(rest) > 0; {
		size := binary.LittleEndian.Uint32(rest)
		documents = append(documents, bson.Raw(rest[:size]))
		rest = rest[size:]
	}
	return bson.E{Key: string(section[:name]), Value: documents}
}

func (m *scripted) reply(body bson.Raw) bson.D {
	elements, err := body.Elements()
	if err != nil || len(elements) == 0 {
		return bson.D{{Key: "ok", Value: 0}, {Key: "errmsg", Value: errors.Join(err, errors.New("no command")).Error()}}
	}
	name := elements[0].Key()
	m.mu.Lock()
	if name == "hello" || strings.EqualFold(name, "ismaster") {
		defer m.mu.Unlock()
		return m.hello
	}
	m.seen = append(m.seen, name)
	m.mu.Unlock()
	if answer := m.answer(name, body); answer != nil {
		if answer[0].Key == "ok" {
			return answer
		}
		return append(bson.D{{Key: "ok", Value: 1}}, answer...)
	}
	return bson.D{{Key: "ok", Value: 1}}
}

// found is the answer to a find or a list.
func found(documents ...any) bson.D {
	return bson.D{{Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "app.any"}, {Key: "firstBatch", Value: append(bson.A{}, documents...)}}}}
}

// changed is the answer to an update or a delete.
func changed(n int) bson.D { return bson.D{{Key: "n", Value: n}, {Key: "nModified", Value: n}} }

// empty answers as an empty database does, whose indexes were made.
func empty(name string, _ bson.Raw) bson.D {
	switch name {
	case "find", "listCollections":
		return found()
	case "listIndexes": // so that it is known as MyAuth's
		return found(bson.D{{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "expires_at", Value: 1}}}, {Key: "name", Value: "myauth_expires_at"}})
	case "update", "delete":
		return changed(0)
	case "insert":
		return changed(1)
	}
	return nil
}
