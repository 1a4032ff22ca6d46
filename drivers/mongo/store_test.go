package mongo_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"myauth.internal/drivers/mongo"
	"myauth.internal/kit"
)

var testTime = time.Date(2026, 11, 5, 12, 30, 0, 123456000, time.UTC)

func newUser(id string) kit.User {
	return kit.User{
		ID: id, Email: id + "@Example.com", Username: "user " + id,
		PasswordHash: "$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234",
		Active:       true, CreatedAt: testTime, UpdatedAt: testTime, Version: 1,
	}
}

func newToken(id, userID string) kit.Token {
	return kit.Token{
		ID: id, Type: kit.RefreshToken, UserID: userID, SessionID: "s-" + id, SecretHash: make([]byte, 32),
		CreatedAt: testTime, ExpiresAt: testTime.Add(time.Hour), Version: 1,
	}
}

func nameOf(uri string) string {
	_, name, _ := strings.Cut(strings.TrimPrefix(uri, "mongodb://"), "/")
	name, _, _ = strings.Cut(name, "?")
	return name
}

// commands collects what a client sends.
type commands struct {
	mu   sync.Mutex
	sent []bson.Raw
}

func (c *commands) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sent = append(c.sent, slices.Clone(e.Command))
	}}
}

func (c *commands) all() []bson.Raw {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}

// TestWhatIsSent looks at the commands of a client whose own settings are careless.
func TestWhatIsSent(t *testing.T) {
	uri := database(t)
	var seen commands
	registry := bson.NewRegistry()
	registry.RegisterKindEncoder(reflect.String, bson.ValueEncoderFunc(func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
		return w.WriteString("<" + v.String() + ">")
	}))
	client, err := driver.Connect(options.Client().ApplyURI(uri).SetMonitor(seen.monitor()).
		SetWriteConcern(writeconcern.Unacknowledged()).SetReadPreference(readpref.Nearest()).
		SetBSONOptions(&options.BSONOptions{UseJSONStructTags: true, IntMinSize: true, OmitEmpty: true, OmitZeroStruct: true}).SetRegistry(registry))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(context.Background())
	store, err := mongo.New(t.Context(), client.Database(nameOf(uri)), nil)
	if err != nil {
		t.Fatal(err)
	}
	users, tokens := store.Users(), store.Tokens()
	user, token := newUser("u"), newToken("t", "u")
	_, absent := users.ByID(t.Context(), "nobody")
	for i, err := range []error{
		users.Create(t.Context(), user), users.Update(t.Context(), user), tokens.Create(t.Context(), token), tokens.Update(t.Context(), token),
	} {
		if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if !errors.Is(absent, kit.ErrNotFound) {
		t.Error(absent)
	}
	if _, err := tokens.ByUser(t.Context(), "u", "", 10); err != nil {
		t.Error(err)
	}
	if _, err := users.List(t.Context(), "", 10); err != nil {
		t.Error(err)
	}
	if n, err := tokens.DeleteExpired(t.Context(), token.ExpiresAt, 10); n != 1 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	if err := users.Delete(t.Context(), "u"); err != nil {
		t.Error(err)
	}
	writes, reads := 0, 0
	for _, command := range seen.all() {
		elements, err := command.Elements()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := command.LookupErr("startTransaction"); err == nil {
			t.Errorf("a transaction: %s", command)
		}
		switch name := elements[0].Key(); name {
		case "insert", "update", "delete":
			writes++
			if document, err := command.LookupErr("documents", "0"); err == nil {
				checkShape(t, document.Document())
			}
			w, _ := command.Lookup("writeConcern", "w").StringValueOK()
			j, _ := command.Lookup("writeConcern", "j").BooleanOK()
			if w != "majority" || !j {
				t.Errorf("%s with the write concern %s", name, command.Lookup("writeConcern"))
			}
		case "find":
			reads++
			// One answer holds all, or there would be a cursor to come back to.
			if limit, ok := command.Lookup("limit").AsInt64OK(); ok {
				if batch, _ := command.Lookup("batchSize").AsInt64OK(); batch < limit && limit > 1 {
					t.Errorf("a read of %d in batches of %d", limit, batch)
				}
			}
			// A read preference that is sent at all names something else than a
			// primary, but for primaryPreferred to a single server.
			if level, _ := command.Lookup("readConcern", "level").StringValueOK(); level != "majority" {
				t.Errorf("a read of the level %q", level)
			}
			mode, _ := command.Lookup("$readPreference", "mode").StringValueOK()
			if mode != "" && !strings.HasPrefix(mode, "primary") {
				t.Errorf("a read prefers %s", mode)
			}
		}
	}
	if writes != 6 || reads < 3 {
		t.Errorf("%d writes and %d reads were seen", writes, reads)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if err := client.Ping(t.Context(), nil); err != nil {
		t.Errorf("the caller's client after Close: %v", err)
	}
	if _, err := users.ByID(t.Context(), "u"); !errors.Is(err, kit.ErrUnavailable) {
		t.Errorf("a call after Close: %v", err)
	}
}

// checkShape checks a new document against the README: its options of BSON are the
// driver's own, so no field is left out, and none is of another type.
func checkShape(t *testing.T, document bson.Raw) {
	t.Helper()
	want := map[string]bson.Type{
		"_id": bson.TypeString, "email": bson.TypeString, "email_key": bson.TypeString, "username": bson.TypeString, "hashed_password": bson.TypeString,
		"roles": bson.TypeArray, "user_settings": bson.TypeString, "is_verified": bson.TypeBoolean, "is_active": bson.TypeBoolean, "session_epoch": bson.TypeInt64,
		"private": bson.TypeString, "factors": bson.TypeArray, "credential_epoch": bson.TypeInt64, "form": bson.TypeInt64,
		"created_at": bson.TypeInt64, "updated_at": bson.TypeInt64, "version": bson.TypeInt64,
	}
	if _, err := document.LookupErr("token_type"); err == nil {
		want = map[string]bson.Type{
			"_id": bson.TypeString, "token_type": bson.TypeString, "user_id": bson.TypeString, "session_id": bson.TypeString, "epoch": bson.TypeInt64,
			"secret_hash": bson.TypeBinary, "previous_hash": bson.TypeNull, "salt": bson.TypeNull, "data": bson.TypeNull, "form": bson.TypeInt64, "created_at": bson.TypeInt64, "rotated_at": bson.TypeInt64,
			"expires_at": bson.TypeInt64, "revoked_at": bson.TypeInt64, "version": bson.TypeInt64,
		}
	}
	got := map[string]bson.Type{}
	elements, err := document.Elements()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range elements {
		got[e.Key()] = e.Value().Type
	}
	if !maps.Equal(got, want) {
		t.Errorf("a document of the fields\n%v, want\n%v", got, want)
	}
	if id := document.Lookup("_id").StringValue(); id != "u" && id != "t" {
		t.Errorf("the ID was written as %q", id)
	}
}

// The indexes are those of the README, and no more.
func TestIndexes(t *testing.T) {
	uri := database(t)
	open(t, uri, nil)
	db := connect(t, uri).Database(nameOf(uri))
	tokens := []string{"_id_ {_id: 1}", "myauth_expires_at {expires_at: 1}", "myauth_user_id {user_id: 1, _id: 1}"}
	for collection, want := range map[string][]string{
		"users":  {"_id_ {_id: 1}", "myauth_email_key {email_key: 1} unique"},
		"tokens": tokens, "credentials": tokens,
	} {
		found, err := db.Collection(collection).Indexes().ListSpecifications(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, index := range found {
			elements, err := index.KeysDocument.Elements()
			if err != nil {
				t.Fatal(err)
			}
			var keys []string
			for _, e := range elements {
				order, _ := e.Value().AsInt64OK()
				keys = append(keys, fmt.Sprintf("%s: %d", e.Key(), order))
			}
			text := fmt.Sprintf("%s {%s}", index.Name, strings.Join(keys, ", "))
			if index.Unique != nil && *index.Unique {
				text += " unique"
			}
			got = append(got, text)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the indexes\n%q, want\n%q", collection, got, want)
		}
	}
}

func TestConcurrentOpen(t *testing.T) {
	uri := database(t)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			store, err := mongo.Open(t.Context(), uri, nil)
			if err == nil {
				err = store.Close()
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// Documents that others have touched.
func TestOtherDocuments(t *testing.T) {
	uri := database(t)
	store := open(t, uri, nil)
	collection := connect(t, uri).Database(nameOf(uri)).Collection("users")
	if err := store.Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	set := func(fields bson.D) {
		t.Helper()
		if _, err := collection.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "u"}}, bson.D{{Key: "$set", Value: fields}}); err != nil {
			t.Fatal(err)
		}
	}
	fresh, err := collection.FindOne(t.Context(), bson.D{{Key: "_id", Value: "u"}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := fresh.Lookup("roles").ArrayOK(); !ok {
		t.Errorf("no roles are stored as %s, want an array", fresh.Lookup("roles").Type)
	}
	set(bson.D{{Key: "avatar", Value: "cat.png"}})
	u, err := store.Users().ByID(t.Context(), "u")
	if err != nil {
		t.Fatal(err)
	}
	u.Username = "somebody else"
	if err := store.Users().Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	raw, err := collection.FindOne(t.Context(), bson.D{{Key: "_id", Value: "u"}}).Raw()
	if err != nil {
		t.Fatal(err)
	}
	if avatar, _ := raw.Lookup("avatar").StringValueOK(); avatar != "cat.png" {
		t.Errorf("a field of another program is now %q", avatar)
	}
	set(bson.D{{Key: "session_epoch", Value: "seven"}})
	if _, err := store.Users().ByID(t.Context(), "u"); err == nil || errors.Is(err, kit.ErrNotFound) || errors.Is(err, kit.ErrUnavailable) || strings.Contains(err.Error(), "seven") {
		t.Errorf("a field of another type: %v", err)
	}
	if _, err := collection.InsertOne(t.Context(), bson.D{{Key: "_id", Value: "bare"}, {Key: "email_key", Value: "bare@example.com"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Users().ByEmail(t.Context(), "bare@example.com"); err == nil || errors.Is(err, kit.ErrNotFound) || !strings.Contains(err.Error(), "no field") {
		t.Errorf("a document without fields: %v", err)
	}
}

// What is no token of MyAuth's keeps the purge from nothing.
func TestPurgeBesideOthers(t *testing.T) {
	uri := database(t)
	store := open(t, uri, nil)
	collection := connect(t, uri).Database(nameOf(uri)).Collection("tokens")
	for _, other := range []bson.D{
		{{Key: "_id", Value: bson.NewObjectID()}, {Key: "expires_at", Value: int64(1)}},
		{{Key: "_id", Value: "other"}, {Key: "expires_at", Value: 1.5}},
		{{Key: "_id", Value: "another"}, {Key: "expires_at", Value: bson.NewDateTimeFromTime(testTime)}},
	} {
		if _, err := collection.InsertOne(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"1", "2"} {
		if err := store.Tokens().Create(t.Context(), newToken(id, "u")); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{1, 1, 0} {
		if n, err := store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 1); n != want || err != nil {
			t.Errorf("purged %d, %v, want %d", n, err, want)
		}
	}
	if left, err := collection.CountDocuments(t.Context(), bson.D{}); left != 3 || err != nil {
		t.Errorf("%d documents are left, %v, want the 3 of somebody else", left, err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct{ uri, want string }{
		{"postgres://u:hunter2@host/app", "mongodb://"},
		{"mongodb://u:hunter2@host", "names no database"},
		{"mongodb://u:hunter2@host/?w=1", "names no database"},
		{"mongodb://u:hunter2@x@host/app", "percent-encode"},
		{"mongodb://u:hunter2/x@host/app", "percent-encode"},
		{"mongodb://u:hunter2@host/app?w=hunter2&tls=hunter2", "option"},
		{"mongodb://u:hunter2@127.0.0.1:1/app?serverSelectionTimeoutMS=100", "refused"},
	} {
		store, err := mongo.Open(t.Context(), c.uri, nil)
		if err == nil {
			t.Fatal(c.uri, store.Close())
		}
		if !strings.Contains(err.Error(), c.want) || strings.Contains(fmt.Sprintf("%v %+v", err, err), "hunter2") {
			t.Errorf("%s: got %v, want %q and no password", c.uri, err, c.want)
		}
	}
	uri := database(t)
	if _, err := mongo.Open(t.Context(), uri, &mongo.Options{Prefix: "a$"}); err == nil {
		t.Error("a prefix that MongoDB does not allow")
	}
	if _, err := mongo.New(t.Context(), nil, nil); err == nil {
		t.Error("New takes no database")
	}
	// An address twice, from before the index was there.
	db := connect(t, uri).Database(nameOf(uri))
	for _, id := range []string{"a", "b"} {
		if _, err := db.Collection("users").InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}, {Key: "email_key", Value: "a@example.com"}}); err != nil {
			t.Fatal(err)
		}
	}
	if store, err := mongo.Open(t.Context(), uri, nil); err == nil {
		t.Error("two users with one address", store.Close())
	} else {
		t.Log(err)
	}
}
