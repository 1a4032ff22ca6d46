package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/kit"
)

// form is the form of the documents that this version of MyAuth writes. It changes no
// document of a newer one, since it would not know what that means, and its filters pass them by.
const form int64 = 1

// change runs a write of the one document with that ID, in this form and the version, if
// any. When none matched it looks why. It may find that very document, since others made it
// anew, or a majority does not have the last change yet: then it tries again, a few times.
func change(ctx context.Context, c *driver.Collection, id string, version *int64, write func(filter bson.D) (matched int64, err error)) error {
	filter := bson.D{{Key: "_id", Value: id}, {Key: "form", Value: form}}
	if version != nil {
		filter = append(filter, bson.E{Key: "version", Value: *version})
	}
	for range 10 {
		matched, err := write(filter)
		if err != nil || matched > 0 {
			return err
		}
		raw, err := c.FindOne(ctx, filter[:1], options.FindOne().SetProjection(bson.D{{Key: "form", Value: 1}, {Key: "version", Value: 1}})).Raw()
		if err != nil {
			return err
		}
		if err := checkForm(raw); err != nil {
			return err
		}
		if stored, ok := raw.Lookup("version").Int64OK(); version != nil && (!ok || stored != *version) {
			return kit.ErrConflict
		}
	}
	return errors.New("the document is removed and made anew all the time")
}

// swap sets the fields of the document with that ID and version.
func swap(ctx context.Context, c *driver.Collection, id string, version int64, fields any) error {
	return change(ctx, c, id, &version, func(filter bson.D) (int64, error) {
		result, err := c.UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: fields}})
		if err != nil {
			return 0, err
		}
		return result.MatchedCount, nil
	})
}

// remove removes the document with that ID and version, if any.
func remove(ctx context.Context, c *driver.Collection, id string, version *int64) error {
	return change(ctx, c, id, version, func(filter bson.D) (int64, error) {
		result, err := c.DeleteOne(ctx, filter)
		if err != nil {
			return 0, err
		}
		return result.DeletedCount, nil
	})
}

// checkForm refuses a document of another form, before anything else of it is read.
func checkForm(raw bson.Raw) error {
	stored, ok := raw.Lookup("form").AsInt64OK()
	switch {
	case ok && stored > form:
		return kit.ErrNewerRecord
	case !ok || stored != form:
		return &damaged{errors.New("a document has no field form that MyAuth wrote")}
	}
	return nil
}

// decode reads a document that must have those fields. Other fields belong to other
// programs.
func decode(raw bson.Raw, into any, fields ...string) error {
	if err := checkForm(raw); err != nil {
		return err
	}
	for _, field := range fields {
		if _, err := raw.LookupErr(field); err != nil {
			return &damaged{fmt.Errorf("a document has no field %s", field)}
		}
	}
	if err := bson.Unmarshal(raw, into); err != nil {
		return &damaged{errors.New("a document has a field of another type than MyAuth writes")} // err would show the value
	}
	return nil
}

// damaged is an error of a document or collection and not of the server.
type damaged struct{ error }

// one returns the record of the one document that the filter finds.
func one[T any](ctx context.Context, s *Store, op string, c *driver.Collection, filter bson.D, read func(bson.Raw) (T, error)) (record T, err error) {
	err = s.do(ctx, op, nil, func(ctx context.Context) error {
		raw, err := c.FindOne(ctx, filter).Raw()
		if err == nil {
			record, err = read(raw)
		}
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return record, nil
}

// list returns the records of the first documents in ascending order of a field.
func list[T any](ctx context.Context, s *Store, op string, c *driver.Collection, filter bson.D, order string, limit int, read func(bson.Raw) (T, error)) ([]T, error) {
	records := []T{}
	if limit = clamp(limit); limit == 0 {
		return records, nil
	}
	err := s.do(ctx, op, nil, func(ctx context.Context) error {
		found, err := find(ctx, c, filter, order, limit, nil)
		for _, raw := range found {
			record, err := read(raw)
			if err != nil {
				return err
			}
			records = append(records, record)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// find returns the first documents in ascending order of a field, in one answer.
func find(ctx context.Context, c *driver.Collection, filter bson.D, order string, limit int, projection any) ([]bson.Raw, error) {
	opts := options.Find().SetSort(bson.D{{Key: order, Value: 1}}).SetLimit(int64(limit)).SetBatchSize(int32(limit)) //nolint:gosec // at most maxBatch
	if projection != nil {
		opts.SetProjection(projection)
	}
	cursor, err := c.Find(ctx, filter, opts)
	if err != nil {
		return nil, err
	}
	var found []bson.Raw
	err = cursor.All(ctx, &found)
	return found, err
}

// maxBatch is the largest limit that the contract allows.
const maxBatch = 1000

// clamp keeps a limit within what the contract allows; 0 means all to MongoDB.
func clamp(limit int) int { return max(0, min(limit, maxBatch)) }

// fromMicros returns the time that UnixMicro gave, the zero Time as itself.
func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
