package mongo_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/drivers/mongo"
)

// Collections of the application are refused, and get no index: a unique one of MyAuth's would
// keep its documents out.
func TestCollectionsOfTheApplication(t *testing.T) {
	for name, theirs := range map[string]func(db *driver.Database) error{
		"documents": func(db *driver.Database) error {
			_, err := db.Collection("users").InsertOne(t.Context(), bson.D{{Key: "name", Value: "Ada"}})
			return err
		},
		"documents in tokens": func(db *driver.Database) error {
			_, err := db.Collection("tokens").InsertOne(t.Context(), bson.D{{Key: "value", Value: 7}})
			return err
		},
		"documents in credentials": func(db *driver.Database) error {
			_, err := db.Collection("credentials").InsertOne(t.Context(), bson.D{{Key: "value", Value: 7}})
			return err
		},
		"an index": func(db *driver.Database) error {
			_, err := db.Collection("users").Indexes().CreateOne(t.Context(), driver.IndexModel{Keys: bson.D{{Key: "email", Value: 1}}, Options: options.Index().SetName("email_1")})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			uri := database(t)
			db := connect(t, uri).Database(nameOf(uri))
			if err := theirs(db); err != nil {
				t.Fatal(err)
			}
			store, err := mongo.Open(t.Context(), uri, nil)
			if err == nil {
				store.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "Options.Prefix") {
				t.Errorf("got %v", err)
			}
			for _, collection := range []string{"users", "tokens", "credentials"} {
				indexes, err := db.Collection(collection).Indexes().ListSpecifications(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range indexes {
					if theirs := strings.TrimPrefix(name, "documents in "); (theirs == name || theirs == collection) && strings.HasPrefix(i.Name, "myauth_") {
						t.Errorf("%s has the index %s", collection, i.Name)
					}
				}
			}
			for _, prefix := range []string{"auth_", "auth."} {
				if err := open(t, uri, &mongo.Options{Prefix: prefix}).Users().Create(t.Context(), newUser("u")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	// A restore without indexes leaves MyAuth's documents.
	uri := database(t)
	if err := open(t, uri, nil).Users().Create(t.Context(), newUser("u")); err != nil {
		t.Fatal(err)
	}
	if err := connect(t, uri).Database(nameOf(uri)).Collection("users").Indexes().DropAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	open(t, uri, nil)
}
