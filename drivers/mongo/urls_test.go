package mongo_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"myauth.internal/drivers/mongo"
)

// URIs as services hand them out. Those with nothing in want are dialed. (Those that begin with
// mongodb+srv need a name server, and TLS is their default.)
func TestURIsOfServices(t *testing.T) {
	for uri, want := range map[string]string{
		"mongodb://app:s3cret@one.mongodb.net:27017,two.mongodb.net:27017/app?ssl=true&replicaSet=atlas-1-shard-0&authSource=admin&retryWrites=true&w=majority&appName=Cluster0": "",
		"mongodb+srv://app:s3cret@cluster0.abcde.mongodb.net/?retryWrites=true&w=majority&appName=Cluster0":                                                                      "names no database",
		"mongodb+srv://app:s3cret@cluster0.abcde.mongodb.net":                                                                                                                    "names no database",
		"mongodb://app:s3cret@app.mongo.cosmos.azure.com:10255/app?ssl=true&replicaSet=globaldb&retrywrites=false&maxIdleTimeMS=120000&appName=@app@":                            "",
		"mongodb://app:s3cret@app.cluster-1.docdb.amazonaws.com:27017/app?tls=true&replicaSet=rs0&readPreference=secondaryPreferred&retryWrites=false":                           "",
		"mongodb://mongo:s3cret@containers-us-west-1.railway.app:7017/app?authSource=admin":                                                                                      "tls=false",
		"mongodb://app:s3cret@mongo.internal/app?tls=false":                                                                                                                      "",
		"mongodb://app:s3cret@one,127.0.0.1/app?replicaSet=rs0":                                                                                                                  "tls=false",
		"mongodb://mongo.internal/app":                   "",
		"mongodb://app:s3cret@localhost:27017/app":       "",
		"mongodb://app:s3cret@127.0.0.1,[::1]:27018/app": "",
		"mongodb://app:s3cret@localhost./app":            "tls=false", // a name server is asked for it
		"mongodb://app:s3cret@mongo.localhost/app":       "tls=false",
		"mongodb://app:s3cret@mongo.sock:27017/app":      "tls=false", // no socket, with a port
		"mongodb://app:s3cret@%2Ftmp%2Fmongodb.sock/app": "",
	} {
		var dialed atomic.Bool
		noNetwork := func(context.Context, string, string) (net.Conn, error) {
			dialed.Store(true)
			return nil, errors.New("no network")
		}
		separator := "&"
		if !strings.Contains(uri, "?") {
			separator = "?"
		}
		if !strings.Contains(uri, "+srv") {
			uri += separator + "serverSelectionTimeoutMS=50"
		}
		store, err := mongo.Open(t.Context(), uri, &mongo.Options{Dial: noNetwork})
		if err == nil {
			store.Close()
		}
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", uri, err)
			continue
		}
		if want == "" && !dialed.Load() || want != "" && (dialed.Load() || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", uri, err, want)
		}
	}
}

// The members of a replica set name each other, so the URI does not have all of them.
func TestNoLoginInClearToAMemberElsewhere(t *testing.T) {
	for option, want := range map[string]bool{"": false, "&tls=false": true} {
		members, uri := startScripted(t, nil)
		members[0].elsewhere("192.0.2.1:27017")
		var elsewhere atomic.Bool
		uri = strings.Replace(uri, "mongodb://", "mongodb://app:s3cret@", 1) + option + "&serverSelectionTimeoutMS=500"
		_, err := mongo.Open(t.Context(), uri, &mongo.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "192.0.2.1:27017" {
				elsewhere.Store(true)
				return nil, errors.New("dialed")
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		}})
		if err == nil || elsewhere.Load() != want || !want && !strings.Contains(err.Error(), "tls=false") {
			t.Errorf("with %q: member elsewhere dialed: %t, %v", option, elsewhere.Load(), err)
		}
	}
}
