package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"myauth.internal/kit"
)

// startTimeout bounds [Open].
const startTimeout = 10 * time.Second

// Open returns a store with a client of its own, after it has asked the server, for
// ten seconds at most, whether it answers and suits: see [Store.Check].
//
// The URL of a server is redis://user:password@host:6379/0, and with rediss it is
// reached over TLS. That of a cluster has cluster=true and one or more of its nodes, the
// others are found by it:
//
//	redis://user:password@node1:6379,node2:6379,node3:6379?cluster=true
//
// A password is not sent in clear to another machine, those included that a cluster names:
// with redis:// and such a host the URL has to say tls=none. With rediss the server's certificate and name are checked, unless the
// URL says skip_verify=true.
//
// Further options are those of [redis.ParseURL] and [redis.ParseClusterURL], such as
// pool_size and read_timeout. The client repeats reads, as often as max_retries says,
// in a cluster max_redirects, and never a write. Special characters of a password are
// written with %. No error holds the URL.
func Open(ctx context.Context, url string, opts *Options) (*Store, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	client, err := connect(url, &o)
	if err != nil {
		return nil, err
	}
	s, err := New(client, &o)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	s.own = true
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.Check(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

var errURL = errors.New("redis: this is not the URL of a server: write redis://user:password@host:6379/0, or rediss:// for TLS, " +
	"with special characters of the password as % and two hexadecimal digits, and options as go-redis' ParseURL has them")

var errInClear = errors.New("the URL sends its password in clear to another machine: write rediss:// for TLS, or add tls=none if nobody is in between")

// connect makes the client for a URL. The errors of net/url and of go-redis quote
// parts of it, which may be parts of the password, so none is passed on.
func connect(raw string, opts *Options) (redis.UniversalClient, error) {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found || scheme != "redis" && scheme != "rediss" {
		return nil, errURL
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	login, hosts := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		login, hosts = authority[:i+1], authority[i+1:]
	}
	nodes := strings.Split(hosts, ",")
	u, err := url.Parse(scheme + "://" + login + nodes[0] + tail)
	if err != nil {
		return nil, errURL
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errURL
	}
	if err := translate(query, scheme); err != nil {
		return nil, err
	}
	inClear := scheme == "redis" && login != "" && query.Get("tls") != "none"
	if inClear && slices.ContainsFunc(nodes, isElsewhere) {
		return nil, fmt.Errorf("redis: %w", errInClear)
	}
	query.Del("tls")
	cluster := false
	if query.Has("cluster") {
		if cluster, err = strconv.ParseBool(query.Get("cluster")); err != nil {
			return nil, errors.New("redis: the option cluster of the URL is true or false")
		}
		query.Del("cluster")
	}
	for _, node := range nodes[1:] {
		query.Add("addr", node)
	}
	u.RawQuery = query.Encode()
	if cluster {
		return connectCluster(u, opts, inClear)
	}
	if len(nodes) > 1 {
		return nil, errors.New("redis: the URL names several servers: add cluster=true if they are a Redis Cluster, or name one")
	}
	return connectServer(u, opts)
}

// foreign are options of other clients, and what to write instead.
var foreign = map[string]string{
	"ssl":              "write rediss://",
	"ssl_ca_certs":     "have the machine trust the authority",
	"ssl_cert_reqs":    "write skip_verify=true to check no certificate",
	"timeout":          "write dial_timeout, read_timeout and write_timeout",
	"socket_timeout":   "write read_timeout and write_timeout",
	"max_connections":  "write pool_size",
	"retry_on_timeout": "write max_retries",
	"decode_responses": "it means nothing here",
}

// translate deals with the options that go-redis does not know.
func translate(query url.Values, scheme string) error {
	query.Del("family") // of addresses: both are tried
	for name, instead := range foreign {
		if query.Has(name) {
			return fmt.Errorf("redis: drop the option %s from the URL, which this driver does not know: %s", name, instead)
		}
	}
	if query.Has("tls") && (query.Get("tls") != "none" || scheme != "redis") {
		return errors.New("redis: the option tls of the URL can be none, with redis://: for TLS write rediss:// and leave it out")
	}
	return nil
}

// isElsewhere reports whether a node, host:port, is not this machine by its name or
// address.
func isElsewhere(node string) bool {
	host, _, err := net.SplitHostPort(node)
	if err != nil {
		host = node
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	addr, err := netip.ParseAddr(host)
	return host != "" && host != "localhost" && (err != nil || !addr.IsLoopback())
}

func connectServer(u *url.URL, opts *Options) (redis.UniversalClient, error) {
	o, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, errURL
	}
	o.Dialer = dialer(opts.Dialer, o.TLSConfig)
	o.ContextTimeoutEnabled = true
	o.DialerRetries = 1
	o.DisableIdentity = true // fewer exchanges for a connection
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}

// here connects to this machine only.
func here(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if isElsewhere(addr) {
			return nil, errInClear
		}
		return dial(ctx, network, addr)
	}
}

// dialer adds TLS to the connections of the caller's dialer, which go-redis leaves to
// it: a URL that asks for TLS never sends a password in clear.
func dialer(dial func(context.Context, string, string) (net.Conn, error), config *tls.Config) func(context.Context, string, string) (net.Conn, error) {
	if dial == nil || config == nil {
		return dial
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		plain, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		config := config.Clone()
		if config.ServerName == "" {
			if config.ServerName, _, err = net.SplitHostPort(addr); err != nil {
				return nil, errors.Join(err, plain.Close())
			}
		}
		secured := tls.Client(plain, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, plain.Close())
		}
		return secured, nil
	}
}

// connectCluster is told whether the password goes in clear: the nodes name others, which
// may be anywhere.
func connectCluster(u *url.URL, opts *Options, inClear bool) (redis.UniversalClient, error) {
	if u.Path != "" && u.Path != "/" && u.Path != "/0" || u.Query().Has("db") {
		return nil, errors.New("redis: a cluster has no numbered databases: leave the number out of the URL")
	}
	u.Path = ""
	o, err := redis.ParseClusterURL(u.String())
	if err != nil {
		return nil, errURL
	}
	o.Dialer = dialer(opts.Dialer, o.TLSConfig)
	if inClear {
		o.Dialer = here(o.Dialer)
	}
	o.ContextTimeoutEnabled = true
	o.DialerRetries = 1
	o.DisableIdentity = true
	o.DisableRoutingPolicies = true // every command here has keys of one slot
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClusterClient(o), nil
}

// Check asks the server, or every master of the cluster, whether it suits: whether
// it answers, is a master, is a cluster if and only if the client is one for clusters,
// does not throw away keys without an expiry when its memory is full, as it does
// under a maxmemory-policy that begins with allkeys, and runs every command that the
// store needs. What a server keeps to itself, as managed ones do, is taken to be right.
//
// [Open] has done so. An application that brings its own client should at its start:
// that a failover client was made with ReplicaOnly, for one, is seen by nothing else
// before the first write, which the replica refuses.
func (s *Store) Check(ctx context.Context) error {
	_, err := call(ctx, s, "check the server", func(ctx context.Context) (nothing, error) {
		switch c := s.client.(type) {
		case *redis.Client:
			return nothing{}, checkServer(ctx, c, false)
		case *redis.ClusterClient:
			return nothing{}, c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
				return checkServer(ctx, node, true)
			})
		}
		return nothing{}, errNoClient
	})
	if err != nil {
		return err
	}
	keys := []string{s.keys.check}
	for i := range s.keys.tokens {
		keys = append(keys, s.keys.tokens[i].check)
	}
	_, err = call(ctx, s, "check the commands", func(ctx context.Context) (nothing, error) {
		// A script that the server knows already would not need EVAL.
		if err := s.client.Process(ctx, once{eval(ctx, everyCommand, keys[:1], nil)}); err != nil {
			return nothing{}, err
		}
		for _, key := range keys {
			answer, err := s.write(ctx, everyCommand, []string{key})
			if err == nil {
				err = outcome(answer)
			}
			if err != nil {
				return nothing{}, err
			}
		}
		return nothing{}, nil
	})
	return err
}

func checkServer(ctx context.Context, c *redis.Client, cluster bool) error {
	info, err := c.Info(ctx).Result()
	switch {
	case redis.HasErrorPrefix(err, "NOPERM"), redis.HasErrorPrefix(err, "ERR unknown command"):
		return nil
	case err != nil:
		return err
	}
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	switch {
	case fields["cluster_enabled"] == "1" && !cluster:
		return unsuitable("it is part of a Redis Cluster: add cluster=true to the URL, or use a cluster client")
	case fields["cluster_enabled"] == "0" && cluster:
		return unsuitable("it is not part of a Redis Cluster: leave cluster=true out of the URL, or use a plain client")
	case fields["role"] == "slave":
		return unsuitable("it is a replica: connect to the master")
	case strings.HasPrefix(fields["maxmemory_policy"], "allkeys"):
		return unsuitable("its maxmemory-policy is " + fields["maxmemory_policy"] + ", so it throws keys away when its memory is full, and with one of them " +
			"a sixteenth of all sessions, or the half of an account: set it to noeviction")
	}
	return nil
}

// unsuitable wraps kit.ErrUnavailable because all of it can be put right while the
// application waits.
func unsuitable(why string) error {
	return fmt.Errorf("%w: the server does not suit: %s", kit.ErrUnavailable, why)
}
