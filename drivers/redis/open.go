package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Open returns a store with a client of its own, which [Store.Close] closes.
//
// The URL of a server is redis://user:password@host:6379/0, and with rediss it is
// reached over TLS. That of a cluster has cluster=true and names one of its nodes, or
// more of them with addr; the others are found by it:
//
//	redis://user:password@node1:6379?cluster=true&addr=node2:6379
//
// A login is not sent in clear to another machine, including those that a cluster
// names: with redis:// the URL has to say tls=none for that. With rediss the server's
// certificate and name are checked, unless the URL says skip_verify=true.
//
// Further options are those of [redis.ParseURL] and [redis.ParseClusterURL], such as
// pool_size and read_timeout. Special characters of a password are written with %. No
// error holds the URL.
//
// Open asks the server, or every master of the cluster, for ten seconds at most: it must
// answer, be a master, be a cluster if and only if the URL says so, run every command that
// the store needs, and not evict keys of all kinds (a maxmemory-policy that begins with
// allkeys). Otherwise the error says what to change, and wraps [kit.ErrUnavailable] unless a
// command was renamed. Where users are without their order by ID, Open then builds it, and tells
// Options.Logger.
func Open(ctx context.Context, url string, opts *Options) (*Store, error) {
	var dial dialFunc
	if opts != nil {
		dial = opts.Dial
	}
	client, err := connect(url, dial)
	if err != nil {
		return nil, err
	}
	s, err := newStore(client, opts)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	s.own = true
	if err := s.prepare(ctx, opts.logger()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

var errURL = errors.New("redis: this is not the URL of a server: write redis://user:password@host:6379/0, or rediss:// for TLS, " +
	"with special characters of the password as % and two hexadecimal digits, and options as go-redis' ParseURL has them")

var errInClear = errors.New("the URL sends its password in clear to another machine: write rediss:// for TLS, or add tls=none on a network that you trust")

// connect makes the client for a URL. The errors of net/url and of go-redis quote
// parts of it, which may be parts of the password, so none is passed on.
func connect(rawURL string, dial dialFunc) (redis.UniversalClient, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" {
		return nil, errURL
	}
	if strings.Contains(u.Host, ",") {
		return nil, errors.New("redis: the URL names several servers: of a Redis Cluster name one, and others by addr=host:port with cluster=true")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errURL
	}
	inClear := u.Scheme == "redis" && u.User != nil
	if query.Has("tls") {
		if query.Get("tls") != "none" || u.Scheme != "redis" {
			return nil, errors.New("redis: the option tls of the URL can be none, with redis://: for TLS write rediss:// and leave it out")
		}
		inClear = false
	}
	for name := range query {
		if strings.HasPrefix(name, "ssl") {
			return nil, errors.New("redis: drop the options that begin with ssl from the URL: for TLS write rediss://, with skip_verify=true to check no certificate")
		}
	}
	cluster := false
	if query.Has("cluster") {
		if cluster, err = strconv.ParseBool(query.Get("cluster")); err != nil {
			return nil, errors.New("redis: the option cluster of the URL is true or false")
		}
	}
	for _, name := range []string{"tls", "cluster", "family"} { // services write family=0 or 6 for other clients
		query.Del(name)
	}
	u.RawQuery = query.Encode()

	// DialerRetries, or an outage would be noticed late. DisableIdentity and no
	// notifications save exchanges at the beginning of a connection.
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	if !cluster {
		o, err := redis.ParseURL(u.String())
		if err != nil {
			return nil, errURL
		}
		o.Dialer = dialer(dial, o.TLSConfig, inClear)
		o.ContextTimeoutEnabled, o.DialerRetries, o.DisableIdentity, o.MaintNotificationsConfig = true, 1, true, quiet
		return redis.NewClient(o), nil
	}
	if u.Path != "" && u.Path != "/" && u.Path != "/0" || query.Has("db") {
		return nil, errors.New("redis: a cluster has no numbered databases: leave the number out of the URL")
	}
	o, err := redis.ParseClusterURL(u.String())
	if err != nil {
		return nil, errURL
	}
	o.Dialer = dialer(dial, o.TLSConfig, inClear)
	o.ContextTimeoutEnabled, o.DialerRetries, o.DisableIdentity, o.MaintNotificationsConfig = true, 1, true, quiet
	o.DisableRoutingPolicies = true // every command here has keys of one slot
	return redis.NewClusterClient(o), nil
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer returns how the client connects, nil for go-redis' own way. go-redis leaves TLS to
// a caller's dialer, and a login in clear goes to this machine only.
func dialer(dial dialFunc, config *tls.Config, inClear bool) dialFunc {
	if dial == nil {
		if !inClear {
			return nil
		}
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if inClear && !isLocal(addr) {
			return nil, errInClear
		}
		conn, err := dial(ctx, network, addr)
		if err != nil || config == nil {
			return conn, err
		}
		secured := tls.Client(conn, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		return secured, nil
	}
}

// isLocal reports whether host:port is this machine by its name or address.
func isLocal(addr string) bool {
	host, _, _ := net.SplitHostPort(addr)
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}
