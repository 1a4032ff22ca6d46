package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

var (
	errAnswer    = errors.New("the server answered a script with something else than it returns")
	errUnsettled = fmt.Errorf("%w: the address of the user changes all the time", kit.ErrUnavailable)
)

// unavailable are the errors of a server that may pass, or that somebody has to do
// something about. Each begins as the key does.
var unavailable = []struct{ code, advice string }{
	{"LOADING", "the server is loading its data: wait"},
	{"CLUSTERDOWN", "the cluster does not serve all slots: look at cluster info"},
	{"TRYAGAIN", "the cluster is moving the slot: wait"},
	{"MASTERDOWN", "the replica has lost its master: look at the replication"},
	{"READONLY", "this server is a replica: connect to the master"},
	{"OOM", "the server's memory is full: raise maxmemory, and keep maxmemory-policy noeviction"},
	{"MISCONF", "the server cannot write to its disk: look at its log"},
	{"NOREPLICAS", "too few replicas are connected: look at min-replicas-to-write"},
	{"NOAUTH", "the server wants a password: put it into the URL or the client"},
	{"WRONGPASS", "the server does not accept this user and password"},
	{"ERR invalid password", "the server does not accept this password"},
	{"ERR AUTH", "the server has no password: leave it out"},
	{"NOPERM", "the server's ACL forbids it: give this user the commands and keys that the README lists"},
	{"ERR The user executing the script", "the server's ACL forbids it: give this user the commands and keys that the README lists"},
	{"DENIED", "the server is in protected mode: give it a password, or bind it to another address"},
	{"BUSY", "the server runs a script of somebody else that does not end"},
	{"MOVED", "this server is part of a Redis Cluster: add cluster=true to the URL, or use a cluster client"},
	{"ASK", "this server is part of a Redis Cluster: add cluster=true to the URL, or use a cluster client"},
	{"ERR This instance has cluster support disabled", "this server is not part of a Redis Cluster: leave cluster=true out of the URL, or use a plain client"},
	{"ERR max number of clients", "the server has too many clients: raise maxclients, or lower pool sizes"},
	{"ERR max number of connections", "the server has too many connections: raise the limit, or lower pool sizes"},
}

// explain turns what a call came to into an error of the store contract. What is
// certain goes before what the context says, since it is an answer.
func explain(ctx context.Context, op string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return kit.ErrNotFound
	case err == kit.ErrNotFound, err == kit.ErrConflict, err == kit.ErrUserExists: //nolint:errorlint // as outcome returns them
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("redis: %s: %w", op, ctx.Err())
	}
	return classify(op, err)
}

// classify sorts an error of the server or on the way to it. What the server says is
// not passed on beyond its code, since it may quote the command, and so a key.
func classify(op string, err error) error {
	var answer redis.Error
	switch {
	case errors.Is(err, kit.ErrUnavailable):
		return fmt.Errorf("redis: %s: %w", op, err)
	case errors.Is(err, errDamaged), errors.Is(err, errAddresses), errors.Is(err, errAnswer):
		return fmt.Errorf("redis: %s: %w", op, err)
	case !errors.As(err, &answer):
		return fmt.Errorf("redis: %s: %w: %w", op, kit.ErrUnavailable, ofTheNetwork(err))
	}
	text := answer.Error()
	for _, u := range unavailable {
		if says(text, u.code) {
			return fmt.Errorf("redis: %s: %w: the server says %s: %s", op, kit.ErrUnavailable, u.code, u.advice)
		}
	}
	switch {
	case says(text, damagedCode):
		return fmt.Errorf("redis: %s: %w", op, errDamaged)
	case says(text, "WRONGTYPE"):
		return fmt.Errorf("redis: %s: the server says WRONGTYPE: a key under the prefix is not MyAuth's: choose another Options.Prefix", op)
	case says(text, "ERR unknown command"), says(text, "ERR Unknown Redis command"):
		return fmt.Errorf("redis: %s: the server does not know a command that the store needs: none of those that the README lists may be renamed", op)
	}
	code, _, _ := strings.Cut(text, " ")
	return fmt.Errorf("redis: %s: the server says %q", op, code)
}

// ofTheNetwork passes on the errors whose texts are known to hold nothing that was
// sent or received. go-redis' reader quotes an answer that it does not understand, and
// so a record.
func ofTheNetwork(err error) error {
	var network net.Error
	for _, known := range []error{errInClear, io.EOF, io.ErrUnexpectedEOF, redis.ErrClosed, redis.ErrPoolExhausted, redis.ErrPoolTimeout, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fmt.Errorf("%w: have this machine trust the authority that signed it; skip_verify=true in the URL encrypts and does not ask who answers", err)
	}
	if errors.As(err, &network) {
		return err
	}
	return errors.New("the server's answer cannot be read")
}

// says reports whether a server's message is of that code, itself or, as servers
// before Redis 7 report it, as that of a command in a script.
func says(text, code string) bool {
	return strings.HasPrefix(text, code) ||
		strings.HasPrefix(text, "ERR Error running script") && (strings.Contains(text, ": "+code+" ") || strings.Contains(text, ": -"+code+" "))
}
