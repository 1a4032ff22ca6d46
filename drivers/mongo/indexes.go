package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// prepare makes the indexes, which is safe however many processes do it: an index
// that exists as it is asked for stays as it is.
func (s *Store) prepare(ctx context.Context) error {
	tokens := []driver.IndexModel{
		{Keys: bson.D{{Key: "user_id", Value: 1}, {Key: "_id", Value: 1}}, Options: options.Index().SetName("myauth_user_id")},
		{Keys: bson.D{{Key: "expires_at", Value: 1}}, Options: options.Index().SetName("myauth_expires_at")},
	}
	for _, c := range []struct {
		*driver.Collection
		field   string // that all documents have
		indexes []driver.IndexModel
	}{
		{s.users, "email_key", []driver.IndexModel{
			{Keys: bson.D{{Key: "email_key", Value: 1}}, Options: options.Index().SetName("myauth_email_key").SetUnique(true)},
		}},
		{s.tokens, "secret_hash", tokens},
		{s.credentials, "secret_hash", tokens},
	} {
		err := s.do(ctx, "prepare the collection "+c.Name(), nil, func(ctx context.Context) error {
			if err := s.checkCollation(ctx, c.Name()); err != nil {
				return err
			}
			if err := checkOwner(ctx, c.Collection, c.field); err != nil {
				return err
			}
			for _, index := range c.indexes { // FerretDB 1.24 ends the connection over two at once
				_, err := c.Indexes().CreateOne(ctx, index)
				if driver.IsDuplicateKeyError(err) {
					return &damaged{errors.New("two documents have the same email_key, or none: set it, to the address with its ASCII letters in lower case, or remove one of them")}
				} else if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// checkOwner refuses a collection that another program has made: an index of MyAuth's
// would change what that one may store. It is MyAuth's with one of its indexes, or, as
// after a restore without indexes, when all documents have the field. Some programs make
// other indexes first and the documents later.
func checkOwner(ctx context.Context, c *driver.Collection, field string) error {
	indexes, err := c.Indexes().ListSpecifications(ctx)
	if err != nil || slices.ContainsFunc(indexes, func(i driver.IndexSpecification) bool { return strings.HasPrefix(i.Name, "myauth_") }) {
		return err
	}
	foreign, err := exists(ctx, c, bson.D{{Key: field, Value: bson.D{{Key: "$exists", Value: false}}}})
	if err == nil && !foreign && slices.ContainsFunc(indexes, func(i driver.IndexSpecification) bool { return i.Name != "_id_" }) {
		var some bool
		some, err = exists(ctx, c, bson.D{})
		foreign = !some
	}
	if err == nil && foreign {
		err = &damaged{errors.New("it is another program's: set Options.Prefix")}
	}
	return err
}

func exists(ctx context.Context, c *driver.Collection, filter bson.D) (bool, error) {
	err := c.FindOne(ctx, filter, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err()
	if errors.Is(err, driver.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, err
}

// checkCollation refuses a collection that was made with a collation: its strings
// would be equal without being the same.
func (s *Store) checkCollation(ctx context.Context, name string) error {
	found, err := s.db.ListCollectionSpecifications(ctx, bson.D{{Key: "name", Value: name}})
	if err != nil {
		return err
	}
	for _, specification := range found {
		locale, ok := specification.Options.Lookup("collation", "locale").StringValueOK()
		if ok && locale != "simple" {
			return &damaged{fmt.Errorf("the collection has the collation %s: make one without, or set Options.Prefix", locale)}
		}
	}
	return nil
}
