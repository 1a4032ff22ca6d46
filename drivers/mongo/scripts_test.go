package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

// A secondary lags, so nothing is read there, whatever the caller's client prefers.
func TestReadsAskThePrimary(t *testing.T) {
	members, uri := startScripted(t, empty, empty)
	client, err := driver.Connect(options.Client().ApplyURI(uri).SetReadPreference(readpref.Secondary()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	store, err := mongo.New(t.Context(), client.Database("app"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := store.Users().ByID(t.Context(), "nobody"); !errors.Is(err, kit.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := store.Users().ByEmail(t.Context(), "nobody@example.com"); !errors.Is(err, kit.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := store.Tokens().ByID(t.Context(), "none"); !errors.Is(err, kit.ErrNotFound) {
			t.Fatal(err)
		}
		if list, err := store.Tokens().ByUser(t.Context(), "nobody", "", 10); err != nil || len(list) > 0 {
			t.Fatal(list, err)
		}
	}
	if primary, secondary := members[0].count("find"), members[1].count("find"); primary != 80 || secondary != 0 {
		t.Errorf("%d reads asked the primary and %d the secondary", primary, secondary)
	}
	// The set does have a secondary that the client would rather read from.
	if err := client.Database("app").Collection("users").FindOne(t.Context(), bson.D{}).Err(); !errors.Is(err, driver.ErrNoDocuments) {
		t.Fatal(err)
	}
	if members[1].count("find") != 1 {
		t.Error("the secondary is not asked by anybody, so this test shows nothing")
	}
}

// With a collation, strings are equal that are not the same.
func TestACollationIsRefused(t *testing.T) {
	for locale, refused := range map[string]bool{"de": true, "simple": false} {
		_, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
			if name == "listCollections" {
				wanted, _ := body.Lookup("filter", "name").StringValueOK()
				return found(bson.D{
					{Key: "name", Value: wanted}, {Key: "type", Value: "collection"},
					{Key: "options", Value: bson.D{{Key: "collation", Value: bson.D{{Key: "locale", Value: locale}, {Key: "strength", Value: 2}}}}},
					{Key: "info", Value: bson.D{{Key: "readOnly", Value: false}}}, {Key: "idIndex", Value: bson.D{{Key: "name", Value: "_id_"}}},
				})
			}
			return empty(name, body)
		})
		store, err := mongo.Open(t.Context(), uri, nil)
		if err == nil {
			store.Close()
		}
		if got := err != nil && strings.Contains(err.Error(), "collation "+locale); got != refused {
			t.Errorf("collation %s: got %v", locale, err)
		}
	}
}

// A purge whose candidates another one took looks for more: fewer than the limit
// means that none are left.
func TestAPurgeThatWasOvertaken(t *testing.T) {
	finds, deletes := 0, 0
	members, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
		switch name {
		case "find":
			finds++
			return found(bson.D{{Key: "_id", Value: "a"}, {Key: "expires_at", Value: int64(5)}}, bson.D{{Key: "_id", Value: "b"}, {Key: "expires_at", Value: int64(7)}})
		case "delete":
			deletes++
			// What was extended since must not go, so the expiry is asked again.
			if bound, ok := body.Lookup("deletes", "0", "q", "expires_at", "$lte").Int64OK(); !ok || bound != 7 {
				t.Errorf("a removal by %s, want that of expiries up to 7", body.Lookup("deletes", "0", "q"))
			}
			// And so is the form: a newer version may have written it meanwhile.
			if stored, _ := body.Lookup("deletes", "0", "q", "form").AsInt64OK(); stored != 1 {
				t.Errorf("a removal of documents of any form: %s", body.Lookup("deletes", "0", "q"))
			}
			return changed(map[int]int{1: 0, 2: 1, 3: 1}[deletes]) // the first time others were faster for both
		}
		return empty(name, body)
	})
	store := open(t, uri, nil)
	if n, err := store.Tokens().DeleteExpired(t.Context(), testTime, 2); n != 2 || err != nil {
		t.Errorf("removed %d, %v", n, err)
	}
	if members[0].count("find") != 3 || members[0].count("delete") != 3 {
		t.Errorf("%d looks and %d removals, want 3 of each", finds, deletes)
	}
}

// A document that is always there in the version presented, and never when it is to
// be changed or removed, is removed and made anew by others, or the server is at fault. Nobody
// waits for that to end.
func TestAWriteGivesUp(t *testing.T) {
	_, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
		if name == "find" {
			return found(bson.D{{Key: "_id", Value: "u"}, {Key: "version", Value: int64(7)}, {Key: "form", Value: int64(1)}})
		}
		return empty(name, body)
	})
	store := open(t, uri, nil)
	user, token := newUser("u"), newToken("u", "u")
	user.Version, token.Version = 7, 7
	for method, err := range map[string]error{
		"Update of a user": store.Users().Update(t.Context(), user), "Update of a token": store.Tokens().Update(t.Context(), token),
		"Delete of a user": store.Users().Delete(t.Context(), "u"), "Delete of a token": store.Tokens().Delete(t.Context(), "u", 7),
	} {
		if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// A write that no majority has may be taken back, and then whoever was told that it
// happened was told wrong. Package kit looks what became of a write without a clear
// answer, so what it sees must be of a majority, too.
func TestWhatNoMajorityHasDidNotHappen(t *testing.T) {
	var mu sync.Mutex
	var stored bson.RawValue
	_, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
		mu.Lock()
		defer mu.Unlock()
		switch level, _ := body.Lookup("readConcern", "level").StringValueOK(); {
		case name == "insert":
			stored = body.Lookup("documents", "0")
			return bson.D{{Key: "n", Value: 1}, {Key: "writeConcernError", Value: bson.D{{Key: "code", Value: 64}, {Key: "errmsg", Value: "no majority"}}}}
		case name == "find" && stored.Value != nil && level != "majority":
			return found(stored)
		}
		return empty(name, body)
	})
	store := open(t, uri, nil)
	keys, err := accesstoken.HMAC([]byte("a secret for tests, 32 bytes or more"))
	if err != nil {
		t.Fatal(err)
	}
	svc, err := kit.New(store.Stores(), keys, &kit.Options{BcryptCost: 4, InsecureFastHash: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = svc.Register(t.Context(), kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Correct-Horse-7"})
	if !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("a registration that no majority has: %v", err)
	}
}

// An application may call the Service within a transaction of its own. What the
// store acknowledges then must not hang on that.
func TestATransactionOfTheCallerIsLeftAlone(t *testing.T) {
	var mu sync.Mutex
	var inserted []bson.Raw
	members, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
		if name == "insert" {
			mu.Lock()
			defer mu.Unlock()
			inserted = append(inserted, body)
		}
		return empty(name, body)
	})
	members[0].hello = append(members[0].hello, bson.E{Key: "logicalSessionTimeoutMinutes", Value: 30})
	client, err := driver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	store, err := mongo.New(t.Context(), client.Database("app"), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = client.UseSession(t.Context(), func(ctx context.Context) error {
		session := driver.SessionFromContext(ctx)
		if err := session.StartTransaction(); err != nil {
			return err
		}
		defer session.EndSession(ctx)
		return store.Users().Create(ctx, newUser("u"))
	})
	if err != nil || len(inserted) != 1 {
		t.Fatalf("%d inserts, %v", len(inserted), err)
	}
	if _, err := inserted[0].LookupErr("startTransaction"); err == nil {
		t.Errorf("the store writes within the caller's transaction: %s", inserted[0])
	}
	if w, _ := inserted[0].Lookup("writeConcern", "w").StringValueOK(); w != "majority" {
		t.Errorf("the write waits for %s", inserted[0].Lookup("writeConcern"))
	}
}

// A server that refuses a read explains its plan, and in it the address.
func TestNoValueInARefusedRead(t *testing.T) {
	_, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
		if name == "find" {
			return bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: 291}, {Key: "codeName", Value: "NoQueryExecutionPlans"}, {Key: "errmsg", Value: `Tree: email_key $eq "ann@example.com"`}}
		}
		return empty(name, body)
	})
	_, err := open(t, uri, nil).Users().ByEmail(t.Context(), "ann@example.com")
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "ann@") || !strings.Contains(err.Error(), "NoQueryExecutionPlans") {
		t.Errorf("got %v, want the code alone", err)
	}
}

// An overloaded server is an outage, by the labels of its error.
func TestAnOverloadedServer(t *testing.T) {
	for _, label := range []string{"SystemOverloadedError", "RetryableError"} {
		_, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
			if name == "find" {
				return bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: 462}, {Key: "errmsg", Value: "later"}, {Key: "errorLabels", Value: bson.A{label}}}
			}
			return empty(name, body)
		})
		if _, err := open(t, uri, nil).Users().ByID(t.Context(), "u"); !errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("%s: %v", label, err)
		}
	}
}
