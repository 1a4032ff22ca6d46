package mongo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/kit"
)

// Open connects to the database that the URI names in its path,
// mongodb://user:password@host/database or mongodb+srv://…, with a client of its
// own, which Close disconnects, and makes missing indexes: see [New].
//
// A login is not sent in clear to another machine: a URI with a login needs tls=true,
// unless its hosts, and those that they name, are loopback addresses or sockets, or it
// says tls=false. With mongodb+srv:// TLS is the default. No error holds the URI. Errors
// wrap [kit.ErrUnavailable] when no server can be reached or it refuses.
func Open(ctx context.Context, uri string, opts *Options) (*Store, error) {
	name, err := databaseName(uri)
	if err != nil {
		return nil, err
	}
	client := options.Client().SetServerSelectionTimeout(selectionTimeout).SetConnectTimeout(selectionTimeout).SetAppName("myauth").ApplyURI(uri)
	var dial dialer = new(net.Dialer).DialContext
	if opts != nil && opts.Dial != nil {
		dial = opts.Dial
	}
	client.SetDialer(dial)
	if client.Validate() != nil {
		// What is wrong is quoted in the error, and may be the password.
		return nil, errors.New("mongo: an option of the URI is unknown or has a wrong value, or a host cannot be looked up; percent-encode the special characters of the password")
	}
	if client.Auth != nil && client.TLSConfig == nil && !tlsOption.MatchString(uri) {
		if slices.ContainsFunc(client.Hosts, func(host string) bool { return !isLocal(host) }) {
			return nil, fmt.Errorf("mongo: %w", errInClear)
		}
		client.SetDialer(dial.localOnly())
	}
	c, err := driver.Connect(client)
	if err != nil {
		return nil, fmt.Errorf("mongo: connect: %w: %w", kit.ErrUnavailable, err)
	}
	s, err := New(ctx, c.Database(name), opts)
	if err != nil {
		return nil, errors.Join(err, disconnect(c))
	}
	s.own = c
	return s, nil
}

var errInClear = errors.New("the URI has a login, and would send it in clear to another machine: add tls=true, or tls=false on a network that you trust")

// dialer is Options.Dial as the driver takes it.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// DialContext implements [options.ContextDialer].
func (d dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return d(ctx, network, address)
}

// localOnly returns a dialer that connects to this machine only: the members of a replica
// set name others, which may be anywhere.
func (d dialer) localOnly() dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if !isLocal(address) {
			return nil, errInClear
		}
		return d(ctx, network, address)
	}
}

// isLocal reports whether a host, with or without a port, is this machine by its name or
// address, or a socket.
func isLocal(host string) bool {
	if strings.HasSuffix(host, ".sock") { // with a port it is a name
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.EqualFold(host, "localhost") || net.ParseIP(strings.Trim(host, "[]")).IsLoopback()
}

// tlsOption finds one of the two names of the option in a URI.
var tlsOption = regexp.MustCompile(`(?i)\?(.*[&;])?(tls|ssl)=`)

// databaseName returns the path of a URI, which package net/url cannot read where
// it has several hosts.
func databaseName(uri string) (string, error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok || scheme != "mongodb" && scheme != "mongodb+srv" {
		return "", errors.New("mongo: this is not a URI of the form mongodb://user:password@host:port/database")
	}
	rest, _, _ = strings.Cut(rest, "?")
	_, name, _ := strings.Cut(rest, "/")
	if name == "" {
		return "", errors.New("mongo: the URI names no database: write mongodb://host/DATABASE, with ?authSource=admin where the users are kept there")
	}
	if strings.ContainsAny(name, "/\\. \"$%@\x00") {
		return "", errors.New("mongo: the database has a name that MongoDB does not allow; percent-encode an @ or / in the password")
	}
	return name, nil
}
