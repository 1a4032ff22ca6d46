package mongo_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
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
			return found(bson.D{{Key: "_id", Value: "a"}}, bson.D{{Key: "_id", Value: "b"}})
		case "delete":
			deletes++
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
// be changed, is removed and made anew by others, or the server is at fault. Nobody
// waits for that to end.
func TestAnUpdateGivesUp(t *testing.T) {
	_, uri := startScripted(t, func(name string, body bson.Raw) bson.D {
		if name == "find" {
			return found(bson.D{{Key: "_id", Value: "u"}, {Key: "version", Value: int64(7)}})
		}
		return empty(name, body)
	})
	store := open(t, uri, nil)
	user, token := newUser("u"), newToken("u", "u")
	user.Version, token.Version = 7, 7
	for method, err := range map[string]error{"users": store.Users().Update(t.Context(), user), "tokens": store.Tokens().Update(t.Context(), token)} {
		if !errors.Is(err, kit.ErrUnavailable) || !strings.Contains(err.Error(), "made anew") {
			t.Errorf("Update of %s: %v", method, err)
		}
	}
}
