package mongo_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
)

// Each read asks for no more than it returns, and has an index that serves its filter and its
// sort. A server that tells its plans, as a MongoDB in MYAUTH_TEST_MONGO_URI does, uses it.
func TestReadsGoByAnIndex(t *testing.T) {
	uri := database(t)
	var seen commands
	client, err := driver.Connect(options.Client().ApplyURI(uri).SetMonitor(seen.monitor()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	db := client.Database(nameOf(uri))
	store, err := mongo.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	opened := len(seen.all())
	_, byEmail := store.Users().ByEmail(t.Context(), "a@example.com")
	_, list := store.Users().List(t.Context(), "a", 10)
	_, listByEmail := store.Users().ListByEmail(t.Context(), "a", "ab", 10)
	_, byUser := store.Credentials().ByUser(t.Context(), "u", "t", 10)
	_, purge := store.Tokens().DeleteExpired(t.Context(), testTime, 10)
	if err := errors.Join(list, listByEmail, byUser, purge); err != nil || !errors.Is(byEmail, kit.ErrNotFound) {
		t.Fatal(err, byEmail)
	}
	finds := seen.all()[opened:]
	if len(finds) != 5 {
		t.Fatalf("%d commands, want a find of each call", len(finds))
	}
	for _, find := range finds {
		if limit, _ := find.Lookup("limit").AsInt64OK(); limit != 10 && limit != 1 {
			t.Errorf("a read of %d documents: %s", limit, find)
		}
		question := bson.D{}
		for _, field := range []string{"find", "filter", "sort", "limit"} {
			if value, err := find.LookupErr(field); err == nil {
				question = append(question, bson.E{Key: field, Value: value})
			}
		}
		if !served(t, db, find) {
			t.Errorf("no index of the collection serves %s", question)
		}
		plan, err := db.RunCommand(t.Context(), bson.D{{Key: "explain", Value: question}, {Key: "verbosity", Value: "queryPlanner"}}).Raw()
		if err != nil {
			t.Fatal(err)
		}
		winning, err := plan.LookupErr("queryPlanner", "winningPlan")
		if err != nil {
			continue // FerretDB does not tell its plans
		}
		if text := winning.String(); !strings.Contains(text, `"IXSCAN"`) || strings.Contains(text, `"COLLSCAN"`) || strings.Contains(text, `"SORT"`) {
			t.Errorf("%s\nis answered by\n%s", question, text)
		}
	}
}

// served reports whether an index has the fields that a find sorts by or wants a value of, and
// only fields of its filter.
func served(t *testing.T, db *driver.Database, find bson.Raw) bool {
	t.Helper()
	indexes, err := db.Collection(find.Lookup("find").StringValue()).Indexes().ListSpecifications(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	filter, needed := map[string]bool{}, map[string]bool{}
	for _, e := range elements(t, find, "filter") {
		filter[e.Key()] = true
		if e.Value().Type != bson.TypeEmbeddedDocument && e.Key() != "form" { // an equality that few documents satisfy
			needed[e.Key()] = true
		}
	}
	for _, e := range elements(t, find, "sort") {
		needed[e.Key()] = true
	}
	return slices.ContainsFunc(indexes, func(index driver.IndexSpecification) bool {
		keys, err := index.KeysDocument.Elements()
		if err != nil {
			t.Fatal(err)
		}
		indexed := map[string]bool{}
		for _, key := range keys {
			indexed[key.Key()] = true
			if !filter[key.Key()] {
				return false
			}
		}
		for name := range needed {
			if !indexed[name] {
				return false
			}
		}
		return true
	})
}

// elements are those of a document in a command, which may lack it.
func elements(t *testing.T, command bson.Raw, name string) []bson.RawElement {
	t.Helper()
	document, ok := command.Lookup(name).DocumentOK()
	if !ok {
		return nil
	}
	list, err := document.Elements()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A document of a newer version of MyAuth is refused by every call and stays as it is, byte for
// byte. It is purged by the newer version alone, and keeps no other from being purged.
func TestNewerDocuments(t *testing.T) {
	uri := database(t)
	store, db := open(t, uri, nil), connect(t, uri).Database(nameOf(uri))
	first := newToken("newer", "u") // to expire
	first.ExpiresAt = testTime
	if err := errors.Join(store.Users().Create(t.Context(), newUser("u")), store.Tokens().Create(t.Context(), first), store.Tokens().Create(t.Context(), newToken("other", "u")),
		makeNewer(db.Collection("users"), "u"), makeNewer(db.Collection("tokens"), "newer")); err != nil {
		t.Fatal(err)
	}
	read := func() (text []byte) {
		for collection, id := range map[string]string{"users": "u", "tokens": "newer"} {
			raw, err := db.Collection(collection).FindOne(t.Context(), bson.D{{Key: "_id", Value: id}}).Raw()
			if err != nil {
				t.Fatal(err)
			}
			if collection == "users" {
				text = append(bytes.Clone(raw), text...)
			} else {
				text = append(text, raw...)
			}
		}
		return text
	}
	before := read()
	_, byEmail := store.Users().ByEmail(t.Context(), "u@example.com")
	_, list := store.Users().ListByEmail(t.Context(), "", "", 10)
	_, byUser := store.Tokens().ByUser(t.Context(), "u", "", 10)
	for what, err := range map[string]error{
		"ByEmail": byEmail, "ListByEmail": list, "ByUser": byUser,
		"Update": store.Users().Update(t.Context(), newUser("u")), "Delete": store.Users().Delete(t.Context(), "u"),
		"token Update": store.Tokens().Update(t.Context(), newToken("newer", "u")), "token Delete": store.Tokens().Delete(t.Context(), "newer", 1),
	} {
		if !errors.Is(err, kit.ErrNewerRecord) || !strings.HasPrefix(err.Error(), "mongo: ") {
			t.Errorf("%s: %v", what, err)
		}
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Second) // or it looks for more to remove for ever
	defer cancel()
	if n, err := store.Tokens().DeleteExpired(soon, newToken("", "").ExpiresAt, 1); n != 1 || err != nil {
		t.Errorf("purged %d, %v, want the other token", n, err)
	}
	if after := read(); !bytes.Equal(before, after) {
		t.Errorf("the documents were\n%s and are\n%s", before, after)
	}
}
