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

// swap sets the fields of the document with that ID and version. When none matched it looks
// why. It may find the very version that was presented, since others made the document anew,
// or a majority does not have the last change yet: then it tries again, a few times.
func swap(ctx context.Context, c *driver.Collection, id string, version int64, fields any) error {
	filter := bson.D{{Key: "_id", Value: id}, {Key: "version", Value: version}}
	for range 10 {
		result, err := c.UpdateOne(ctx, filter, bson.D{{Key: "$set", Value: fields}})
		if err != nil || result.MatchedCount > 0 {
			return err
		}
		raw, err := c.FindOne(ctx, filter[:1], options.FindOne().SetProjection(bson.D{{Key: "version", Value: 1}})).Raw()
		if err != nil {
			return err
		}
		if stored, ok := raw.Lookup("version").Int64OK(); !ok || stored != version {
			return kit.ErrConflict
		}
	}
	return errors.New("the document is removed and made anew all the time")
}

// decode reads a document that must have those fields. Other fields belong to other
// programs.
func decode(raw bson.Raw, into any, fields ...string) error {
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

// fromMicros returns the time that UnixMicro gave, the zero Time as itself.
func fromMicros(micros int64) time.Time { return time.UnixMicro(micros).UTC() }
