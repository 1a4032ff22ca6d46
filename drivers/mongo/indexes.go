package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// prepare makes the indexes, which is safe however many processes do it: an index
// that exists as it is asked for stays as it is.
func (s *Store) prepare(ctx context.Context) error {
	for _, c := range []*driver.Collection{s.users, s.tokens} {
		if err := s.checkCollation(ctx, c.Name()); err != nil {
			return err
		}
	}
	for _, index := range []struct {
		collection *driver.Collection
		name       string
		keys       bson.D
		unique     bool
	}{
		{s.users, "myauth_email_key", bson.D{{Key: "email_key", Value: 1}}, true},
		{s.tokens, "myauth_user_id", bson.D{{Key: "user_id", Value: 1}, {Key: "_id", Value: 1}}, false},
		{s.tokens, "myauth_expires_at", bson.D{{Key: "expires_at", Value: 1}}, false},
	} {
		opts := options.Index().SetName(index.name)
		if index.unique {
			opts.SetUnique(true)
		}
		err := s.do(ctx, "make the index "+index.name+" of "+index.collection.Name(), nil, func(ctx context.Context) error {
			_, err := index.collection.Indexes().CreateOne(ctx, driver.IndexModel{Keys: index.keys, Options: opts})
			if driver.IsDuplicateKeyError(err) {
				return &damaged{fmt.Errorf("two documents have the same email_key, or none: set it, to the address with its ASCII letters in lower case, or remove one of them")}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkCollation refuses a collection that was made with a collation: its strings
// would be equal without being the same.
func (s *Store) checkCollation(ctx context.Context, name string) error {
	return s.do(ctx, "look at the collection "+name, nil, func(ctx context.Context) error {
		found, err := s.db.ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: name}})
		if err != nil {
			return err
		}
		for _, specification := range found {
			locale, ok := specification.Options.Lookup("collation", "locale").StringValueOK()
			if ok && locale != "simple" {
				return &damaged{fmt.Errorf("the collection has the collation %s: make one without, or name another in Options", locale)}
			}
		}
		return nil
	})
}
