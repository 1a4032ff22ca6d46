//go:build ignore

// Command ferretdb serves MongoDB's protocol for tests: FerretDB, with its data in
// SQLite files, behind a proxy that gives two things back which mongod guarantees and
// FerretDB 1.24 does not. It reads and then writes in a conditional update, so that
// several callers can win: the proxy lets one command at a time through. And it calls
// an update that meets a unique index an internal error: the proxy gives that the
// code of a duplicate key.
//
// Package servers builds it in a module of its own, from this file, go.mod.txt and
// go.sum.txt.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:27017", "listen `address`")
	dir := flag.String("dir", os.TempDir(), "`directory` for its data")
	flag.Parse()
	if err := run(*addr, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

func run(addr, dir string) error {
	socket := filepath.Join(dir, "ferretdb.sock")
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	f, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Handler:   "sqlite",
		SQLiteURL: "file:" + data + "/?_pragma=synchronous(off)",
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	p := &proxy{socket: socket}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	fmt.Println("ready")
	err = f.Run(ctx)
	if closeErr := l.Close(); err == nil {
		err = closeErr
	}
	return err
}

// proxy lets one command at a time through, over all connections.
type proxy struct {
	socket string
	turn   sync.Mutex
}

// serve ends the connection when a command cannot be passed on.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", p.socket)
	if err != nil {
		return
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		reply, err := p.exchange(server, request)
		if err != nil {
			return
		}
		if _, err := client.Write(reply); err != nil {
			return
		}
	}
}

// exchange takes its turn once the request is here, and gives it back before the
// reply goes out, so that no client keeps the others waiting.
func (p *proxy) exchange(server net.Conn, request []byte) ([]byte, error) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	if wantsNoReply(request) {
		return nil, nil
	}
	reply, err := readMessage(server)
	return duplicateKey(reply), err
}

// The elements of a BSON document that are an error's code: an int32, 1 for an
// internal error and 11000 for a duplicate key.
var (
	internalError     = []byte("\x10code\x00\x01\x00\x00\x00")
	duplicateKeyError = []byte("\x10code\x00\xf8\x2a\x00\x00")
)

// duplicateKey corrects the code of a reply.
func duplicateKey(reply []byte) []byte {
	if !bytes.Contains(reply, []byte("UNIQUE constraint failed")) {
		return reply
	}
	return bytes.Replace(reply, internalError, duplicateKeyError, 1)
}

// The parts of a message that matter here
// (https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/).
const (
	headerSize = 16
	maxSize    = 48_000_000
	opMsg      = 2013
	moreToCome = 1 << 1
)

// readMessage reads a message, which begins with its length.
func readMessage(r io.Reader) ([]byte, error) {
	header := make([]byte, headerSize)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header)
	if size < headerSize || size > maxSize {
		return nil, errors.New("a message of that size cannot be")
	}
	message := make([]byte, size)
	copy(message, header)
	_, err := io.ReadFull(r, message[headerSize:])
	return message, err
}

// wantsNoReply reports whether the sender of the message waits for none.
func wantsNoReply(message []byte) bool {
	return len(message) >= headerSize+4 && binary.LittleEndian.Uint32(message[12:]) == opMsg &&
		binary.LittleEndian.Uint32(message[headerSize:])&moreToCome != 0
}
