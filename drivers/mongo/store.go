package mongo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"myauth.internal/kit"
)

// Options adjusts a [Store]; nil or the zero value means the defaults.
type Options struct {
	// Prefix begins the names of the collections, users and tokens, so that they stand
	// beside those of the application: up to 64 letters, digits and the signs . _ -
	// "" means none.
	Prefix string
	// Dialer connects to the servers, in place of a [net.Dialer]: through a tunnel,
	// say. Only [Open] uses it.
	Dialer options.ContextDialer
}

// Store keeps users and tokens in one MongoDB database. It is safe for concurrent
// use.
type Store struct {
	db     *driver.Database
	users  *driver.Collection
	tokens *driver.Collection
	own    *driver.Client // nil when the client is the caller's
	closed atomic.Bool
}

const (
	// selectionTimeout is how long a call looks for a server that takes writes.
	// A failover takes longer, and its calls are better told to come again.
	selectionTimeout = 5 * time.Second
	// startTimeout bounds the making of indexes and the wait for others at it, where
	// the caller's context does not.
	startTimeout = 30 * time.Second
	// closeTimeout is how long connections in use may go on when a store closes.
	closeTimeout = time.Second
)

// Open connects to the database that the URI names in its path,
// mongodb://user:password@host/database or mongodb+srv://…, with a client of its
// own, and makes what indexes are missing: see [New]. No error shows the URI.
//
// Users and passwords, and what they protect, are not sent in clear to another
// machine: a URI with a login needs tls=true, unless its hosts, and those that they name,
// are loopback addresses or sockets, or it says tls=false. With mongodb+srv:// TLS is the default.
//
// Errors wrap [kit.ErrUnavailable] when no server can be reached or it refuses,
// and say what can be done about it.
func Open(ctx context.Context, uri string, opts *Options) (*Store, error) {
	name, err := databaseName(uri)
	if err != nil {
		return nil, err
	}
	client := options.Client().SetServerSelectionTimeout(selectionTimeout).SetConnectTimeout(selectionTimeout).SetAppName("myauth").ApplyURI(uri)
	if opts != nil && opts.Dialer != nil {
		client.SetDialer(opts.Dialer)
	}
	if client.Validate() != nil {
		// What is wrong is quoted in the error, and may be the password.
		return nil, errors.New("mongo: an option of the URI is unknown or has a wrong value, or a host cannot be looked up; percent-encode the special characters of the password")
	}
	if client.Auth != nil && client.TLSConfig == nil && !saysWhetherTLS(uri) {
		if slices.ContainsFunc(client.Hosts, isElsewhere) {
			return nil, fmt.Errorf("mongo: %w", errInClear)
		}
		client.SetDialer(here{cmp.Or[options.ContextDialer](client.Dialer, new(net.Dialer))})
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

var errInClear = errors.New("the URI has a login, and would send it in clear to another machine: add tls=true, or tls=false if nobody is in between")

// here connects to this machine only: the members of a replica set name others, which may
// be anywhere.
type here struct{ options.ContextDialer }

// DialContext implements [options.ContextDialer].
func (h here) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	if isElsewhere(address) {
		return nil, errInClear
	}
	return h.ContextDialer.DialContext(ctx, network, address)
}

// isElsewhere reports whether a host, with or without a port, is not this machine by its
// name or address.
func isElsewhere(host string) bool {
	if strings.HasSuffix(host, ".sock") {
		return false
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	addr, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !addr.IsLoopback())
}

// saysWhetherTLS reports whether the URI has one of the options for it.
func saysWhetherTLS(uri string) bool {
	_, query, _ := strings.Cut(uri, "?")
	for option := range strings.FieldsFuncSeq(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(option, "=")
		if strings.EqualFold(name, "tls") || strings.EqualFold(name, "ssl") {
			return true
		}
	}
	return false
}

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

var validPrefix = regexp.MustCompile(`^[A-Za-z0-9._-]{0,64}$`)

// New returns a store in a database of the caller's own client, and makes what
// indexes are missing. Close leaves the client connected. A collection of that name
// that is not MyAuth's, by its documents or indexes, is refused and left as it is.
//
// Whatever the client's settings are, writes of the store wait for a majority and
// its journal, reads ask the primary for what a majority has, and a session in
// a context, with its transaction, is left alone. (A client with directConnection
// asks the one server that it knows, whatever that is: it has to be the primary.) Give the client a server selection
// timeout of a few seconds: its 30 by default is how long a call waits when
// there is no primary, unless its context ends before.
func New(ctx context.Context, db *driver.Database, opts *Options) (*Store, error) {
	if db == nil {
		return nil, errors.New("mongo: New needs a *mongo.Database")
	}
	var o Options
	if opts != nil {
		o = *opts
	}
	if !validPrefix.MatchString(o.Prefix) || strings.HasPrefix(o.Prefix, "system.") {
		return nil, errors.New("mongo: Options.Prefix may have up to 64 letters, digits and the signs . _ - only, and does not begin with system")
	}
	journaled := true
	collection := options.Collection().
		SetWriteConcern(&writeconcern.WriteConcern{W: writeconcern.WCMajority, Journal: &journaled}).
		SetReadConcern(readconcern.Majority()). // or kit would take for done what a failover takes back
		SetReadPreference(readpref.Primary()).
		SetBSONOptions(&options.BSONOptions{}).
		SetRegistry(bson.NewRegistry())
	s := &Store{
		db:     db,
		users:  db.Collection(o.Prefix+"users", collection),
		tokens: db.Collection(o.Prefix+"tokens", collection),
	}
	limited := ctx
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, startTimeout)
		defer cancel()
	}
	err := s.prepare(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("mongo: %w: no answer within %v, or the indexes are not built yet: open with a longer deadline: %w", kit.ErrUnavailable, startTimeout, err)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Users returns the store's users.
func (s *Store) Users() *Users { return &Users{s, s.users} }

// Tokens returns the store's tokens.
func (s *Store) Tokens() *Tokens { return &Tokens{s, s.tokens} }

// Ping implements [kit.Pinger].
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, "ping", nil, func(ctx context.Context) error { return s.db.Client().Ping(ctx, readpref.Primary()) })
}

// Close ends the store, and disconnects the client if it is the store's own. Later
// calls return an error that wraps [kit.ErrUnavailable]; a second Close does
// nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) || s.own == nil {
		return nil
	}
	return disconnect(s.own)
}

func disconnect(c *driver.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.Disconnect(ctx) // all that can fail is to wait for calls to end, and they are cut off
	return nil
}

// swap sets the fields of the document that has this ID and this version. When it
// matched none it looks why; finding the very version that was presented, because
// the document was made in between, it tries again, a few times.
func swap(ctx context.Context, c *driver.Collection, id string, version int64, fields any) error {
	key := bson.D{{Key: "_id", Value: id}}
	for range attempts {
		result, err := c.UpdateOne(ctx, append(key[:1:1], bson.E{Key: "version", Value: version}), bson.D{{Key: "$set", Value: fields}})
		if err != nil || result.MatchedCount > 0 {
			return err
		}
		raw, err := c.FindOne(ctx, key, options.FindOne().SetProjection(bson.D{{Key: "version", Value: 1}})).Raw()
		if err != nil {
			return err
		}
		if stored, ok := raw.Lookup("version").Int64OK(); !ok || stored != version {
			return kit.ErrConflict
		}
	}
	return errUnsettled
}

// attempts is how often a document is changed that others make anew meanwhile.
const attempts = 10

var errUnsettled = errors.New("the document is removed and made anew all the time")

// decode reads a document that must have those fields. What else is in it belongs
// to somebody else.
func decode(raw bson.Raw, into any, fields ...string) error {
	for _, field := range fields {
		if _, err := raw.LookupErr(field); err != nil {
			return &damaged{fmt.Errorf("a document has no field %s", field)}
		}
	}
	if err := bson.Unmarshal(raw, into); err != nil {
		return &damaged{errors.New("a document has a field of another type than MyAuth writes")}
	}
	return nil
}

// damaged is an error of a document and not of the server.
type damaged struct{ error }
