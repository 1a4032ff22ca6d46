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
	errAddresses = errors.New("the index of addresses names a user that has another address or does not exist: a key was changed or removed by another program")
	errAnswer    = errors.New("the server answered a command with something else than it returns")
)

// What a call and the check at the start say alike.
const (
	acl          = "the server's ACL forbids it: give this user the commands and keys that the README lists"
	inCluster    = "is part of a Redis Cluster: add cluster=true to the URL, or use a cluster client"
	notInCluster = "is not part of a Redis Cluster: leave cluster=true out of the URL, or use a plain client"
	isReplica    = "is a replica: connect to the master"
)

// outages are the beginnings of answers of a server that cannot serve for now, or that
// somebody has to mend.
var outages = []struct{ code, advice string }{
	{"LOADING", "the server is loading its data: wait"},
	{"CLUSTERDOWN", "the cluster does not serve all slots: look at cluster info"},
	{"TRYAGAIN", "the cluster is moving the slot: wait"},
	{"MASTERDOWN", "the replica has lost its master: look at the replication"},
	{"READONLY", "this server " + isReplica},
	{"OOM", "the server's memory is full: raise maxmemory, and keep maxmemory-policy noeviction"},
	{"MISCONF", "the server cannot write to its disk: look at its log"},
	{"NOREPLICAS", "too few replicas are connected: look at min-replicas-to-write"},
	{"NOAUTH", "the server wants a password: put it into the URL or the client"},
	{"WRONGPASS", "the server does not accept this user and password"},
	{"ERR AUTH", "the server has no password: leave it out"},
	{"NOPERM", acl},
	{"ERR The user executing the script", acl},
	{"DENIED", "the server is in protected mode: give it a password, or bind it to another address"},
	{"BUSY", "the server runs a script of another program that does not end"},
	{"MOVED", "this server " + inCluster},
	{"ASK", "this server " + inCluster},
	{"ERR This instance has cluster support disabled", "this server " + notInCluster},
	{"ERR max number of clients", "the server has too many clients: raise maxclients, or lower pool sizes"},
}

// explain turns the error of a call into one of the store contract. What is certain goes
// before what the context says, since it is an answer.
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
	case errors.Is(err, kit.ErrUnavailable), errors.Is(err, errDamaged), errors.Is(err, errAddresses), errors.Is(err, errAnswer):
		return fmt.Errorf("redis: %s: %w", op, err)
	case !errors.As(err, &answer):
		return fmt.Errorf("redis: %s: %w: %w", op, kit.ErrUnavailable, withoutAnswer(err))
	}
	text := answer.Error()
	for _, o := range outages {
		if strings.HasPrefix(text, o.code) {
			return fmt.Errorf("redis: %s: %w: the server says %s: %s", op, kit.ErrUnavailable, o.code, o.advice)
		}
	}
	code, _, _ := strings.Cut(text, " ")
	switch {
	case code == damagedCode:
		return fmt.Errorf("redis: %s: %w", op, errDamaged)
	case code == newerCode:
		return fmt.Errorf("redis: %s: %w", op, kit.ErrNewerRecord)
	case code == "WRONGTYPE":
		return fmt.Errorf("redis: %s: the server says WRONGTYPE: a key under the prefix is not MyAuth's: choose another Options.Prefix", op)
	case strings.HasPrefix(text, "ERR unknown command"), strings.HasPrefix(text, "ERR Unknown Redis command"):
		return fmt.Errorf("redis: %s: the server does not know a command that the store needs: none of those that the README lists may be renamed", op)
	}
	return fmt.Errorf("redis: %s: the server says %q", op, code)
}

// withoutAnswer passes on the errors whose texts hold nothing that was sent or received.
// go-redis quotes an answer that it cannot read, and so maybe a record.
func withoutAnswer(err error) error {
	for _, known := range []error{errInClear, io.EOF, io.ErrUnexpectedEOF, redis.ErrClosed, redis.ErrPoolExhausted, redis.ErrPoolTimeout, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return err
		}
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return fmt.Errorf("%w: have this machine trust the authority that signed it; skip_verify=true in the URL encrypts and does not check who answers", err)
	}
	var network net.Error
	if errors.As(err, &network) {
		return err
	}
	return errors.New("the server's answer cannot be read")
}
