package stores

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lib/pq"
	sqlitedriver "github.com/ncruces/go-sqlite3/driver"
	goredis "github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/mongo"
	"myauth.internal/drivers/postgres"
	"myauth.internal/drivers/redis"
	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// listed is how many users a page has.
const listed = 100

// benchPages compares pages of users of a driver with the same statements or commands over the
// bare client, which reads the same records into plain structs. Open is called once for
// each size, and returns what adds that many users of [listedUser].
func benchPages(b *testing.B, open func(b *testing.B) (driver, bare kit.UserLister, fill func(ctx context.Context, n int) error)) {
	sizes, err := parseSizes(os.Getenv("MYAUTH_BENCH_USERS"))
	if err != nil {
		b.Fatal(err)
	}
	var smallest []*crowd
	for _, size := range sizes {
		ours, bare, fill := open(b)
		if err := fill(b.Context(), size); err != nil {
			b.Fatal(err)
		}
		crowds := []*crowd{{store: store{pages: ours}, size: size}, {store: store{pages: bare}, size: size}}
		if smallest == nil {
			smallest = crowds
		}
		b.Run(fmt.Sprintf("users=%d", size), func(b *testing.B) {
			sides := crowds
			if smallest[0] != crowds[0] {
				sides = append(sides, smallest...)
			}
			compare(b, 1, sides, pageUses)
		})
	}
}

// pageUses are pages at the start, in the middle and at the end of both orders.
var pageUses = func() (uses []use) {
	for _, at := range []struct {
		name string
		of   func(size int) int
	}{{"start", func(int) int { return 0 }}, {"middle", func(size int) int { return size / 2 }}, {"end", func(size int) int { return size - listed }}} {
		uses = append(uses, use{name: "by-id/" + at.name, call: func(ctx context.Context, c *crowd, _ int) error {
			return full(c.pages.List(ctx, listedUser(at.of(c.size)).ID, listed))
		}}, use{name: "by-email/" + at.name, call: func(ctx context.Context, c *crowd, _ int) error {
			return full(c.pages.ListByEmail(ctx, "User", listedUser(at.of(c.size)).Email, listed))
		}})
	}
	return uses
}()

func full(users []kit.User, err error) error {
	if err == nil && len(users) != listed {
		err = fmt.Errorf("a page has %d users, want %d", len(users), listed)
	}
	return err
}

// listedUser returns user number i of 1 to n, in either order; number 0 sorts before all of them.
func listedUser(i int) kit.User {
	u := newUser(0)
	n := strconv.Itoa(100_000_000 + i)
	u.ID, u.Email = "0198c0de-0000-7000-8000-000"+n, "user"+n+"@example.com"
	return u
}

// fillUsers is the statement that adds $1 users as listedUser makes them.
const fillUsers = `WITH RECURSIVE numbers(n) AS (SELECT 100000001 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000000 + $1)
	INSERT INTO %susers (` + userColumns + `, email_key, form) SELECT '0198c0de-0000-7000-8000-000' || n, 'user' || n || '@example.com', 'A name in two words',
	'$2a$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234', '["member"]', '{"theme":"dark"}', NULL, NULL, false, true, 0, 0,
	1793881800123456, 1793881800123456, 1, 'user' || n || '@example.com', 1 FROM numbers`

func BenchmarkPagesMemstore(b *testing.B) {
	benchPages(b, func(*testing.B) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
		users := memstore.New().Users()
		return users, users, createUsers(users)
	})
}

// createUsers adds users one by one.
func createUsers(users kit.UserStore) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		return inParallel(n, func(i int) error { return users.Create(ctx, listedUser(i+1)) })
	}
}

func BenchmarkPagesPostgres(b *testing.B) {
	benchPages(b, func(b *testing.B) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
		url := servers.Postgres(b)
		connector, err := postgres.NewConnector(url, nil)
		if err != nil {
			b.Fatal(err)
		}
		plain, err := pq.NewConnector(url)
		if err != nil {
			b.Fatal(err)
		}
		shared, bare := sql.OpenDB(connector), sql.OpenDB(plain)
		schema := "bench_" + strings.ToLower(rand.Text())
		opened, err := postgres.New(b.Context(), shared, &postgres.Options{Schema: schema})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if _, err := bare.Exec("DROP SCHEMA " + schema + " CASCADE"); err != nil {
				b.Error(err)
			}
			shared.Close()
			bare.Close()
		})
		return opened.Users(), barePages(b, bare, schema+"."), fillSQL(bare, schema+".")
	})
}

func BenchmarkPagesSQLite(b *testing.B) {
	benchPages(b, func(b *testing.B) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
		path := filepath.Join(b.TempDir(), "auth.db")
		opened, err := sqlite.Open(b.Context(), path, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { opened.Close() })
		db, err := sqlitedriver.Open("file:" + path + "?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)&_pragma=synchronous(full)")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { db.Close() })
		return opened.Users(), barePages(b, db, ""), fillSQL(db, "")
	})
}

func fillSQL(db *sql.DB, schema string) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		if _, err := db.ExecContext(ctx, strings.ReplaceAll(fmt.Sprintf(fillUsers, schema), " + $1", " + "+strconv.Itoa(n))); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, "ANALYZE")
		return err
	}
}

// sqlPages are the driver's statements over a plain pool.
type sqlPages struct{ byID, byEmail *sql.Stmt }

func barePages(b *testing.B, db *sql.DB, schema string) (p sqlPages) {
	b.Helper()
	for stmt, where := range map[**sql.Stmt]string{
		&p.byID: "id > $1 ORDER BY id LIMIT $2", &p.byEmail: "email_key >= $1 AND email_key < $2 ORDER BY email_key LIMIT $3",
	} {
		prepared, err := db.PrepareContext(b.Context(), "SELECT form, "+userColumns+" FROM "+schema+"users WHERE "+where)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { prepared.Close() })
		*stmt = prepared
	}
	return p
}

func (p sqlPages) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return scanPage(p.byID.QueryContext(ctx, after, limit))
}

func (p sqlPages) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	prefix = strings.ToLower(prefix)
	return scanPage(p.byEmail.QueryContext(ctx, max(prefix, after+"\x01"), prefix[:len(prefix)-1]+string(prefix[len(prefix)-1]+1), limit))
}

// plainUser is what the columns and fields of a user are without a thought.
type plainUser struct {
	form                                               int64
	id, email, username, hash, roles, settings         string
	private, factors                                   sql.NullString
	verified, active                                   bool
	sessionEpoch, credentialEpoch, created, updated, v int64
}

func scanPage(rows *sql.Rows, err error) ([]kit.User, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []plainUser
	for rows.Next() {
		var u plainUser
		if err := rows.Scan(&u.form, &u.id, &u.email, &u.username, &u.hash, &u.roles, &u.settings, &u.private, &u.factors, &u.verified, &u.active,
			&u.sessionEpoch, &u.credentialEpoch, &u.created, &u.updated, &u.v); err != nil {
			return nil, err
		}
		found = append(found, u)
	}
	return counted(len(found)), rows.Err()
}

// counted stands for n plain structs, whose number the harness looks at.
func counted(n int) []kit.User { return make([]kit.User, n)[:n:n] }

func BenchmarkPagesRedis(b *testing.B) {
	url := servers.Redis(b)
	benchPages(b, func(b *testing.B) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
		opts, err := goredis.ParseURL(url)
		if err != nil {
			b.Fatal(err)
		}
		return redisPair(b, url, goredis.NewClient(opts))
	})
}

func BenchmarkPagesRedisCluster(b *testing.B) {
	nodes := servers.RedisCluster(b)
	benchPages(b, func(b *testing.B) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
		return redisPair(b, "redis://"+nodes[0]+"?cluster=true", goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: nodes}))
	})
}

func redisPair(b *testing.B, url string, client goredis.UniversalClient) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
	b.Helper()
	prefix := "bench-" + rand.Text()
	opened, err := redis.Open(b.Context(), url, &redis.Options{Prefix: prefix})
	if err != nil {
		b.Fatal(err)
	}
	slot := "{" + prefix + ":users}:"
	b.Cleanup(func() {
		keys := []string{slot + "ids", slot + "emails"}
		ids, err := client.ZRangeByLex(context.Background(), keys[0], &goredis.ZRangeBy{Min: "-", Max: "+"}).Result()
		if err != nil {
			b.Error(err)
		}
		for _, id := range ids {
			if keys = append(keys, slot+"id:"+id); len(keys) > 1000 {
				client.Unlink(context.Background(), keys...)
				keys = keys[:0]
			}
		}
		client.Unlink(context.Background(), keys...)
		opened.Close()
		client.Close()
	})
	return opened.Users(), redisPages{client, slot}, createUsers(opened.Users())
}

// redisPages are the driver's commands over a plain client, which splits a record into its fields.
type redisPages struct {
	c    goredis.UniversalClient
	slot string
}

func (p redisPages) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return p.page(ctx, "ids", "("+after, "+", limit)
}

func (p redisPages) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	prefix = strings.ToLower(prefix)
	return p.page(ctx, "emails", "["+max(prefix, after+"\x01"), "("+prefix[:len(prefix)-1]+string(prefix[len(prefix)-1]+1), limit)
}

func (p redisPages) page(ctx context.Context, order, begin, end string, limit int) ([]kit.User, error) {
	entries, err := p.c.ZRangeByLex(ctx, p.slot+order, &goredis.ZRangeBy{Min: begin, Max: end, Count: int64(limit)}).Result()
	if err != nil {
		return nil, err
	}
	pipe := p.c.Pipeline()
	for _, entry := range entries {
		pipe.Get(ctx, p.slot+"id:"+entry[strings.LastIndexByte(entry, 0)+1:])
	}
	answers, err := pipe.Exec(ctx)
	if err != nil {
		return nil, err
	}
	found := make([][]string, len(answers))
	for i, answer := range answers {
		found[i] = strings.Split(answer.(*goredis.StringCmd).Val(), "\x00")
	}
	return counted(len(found)), nil
}

func BenchmarkPagesMongo(b *testing.B) {
	benchPages(b, func(b *testing.B) (kit.UserLister, kit.UserLister, func(context.Context, int) error) {
		client, err := driver.Connect(options.Client().ApplyURI(servers.Mongo(b)))
		if err != nil {
			b.Fatal(err)
		}
		db := client.Database("bench_" + strings.ToLower(rand.Text()))
		b.Cleanup(func() {
			if err := db.Drop(context.Background()); err != nil {
				b.Error(err)
			}
			_ = client.Disconnect(context.Background())
		})
		opened, err := mongo.New(b.Context(), db, nil)
		if err != nil {
			b.Fatal(err)
		}
		users := db.Collection("users")
		return opened.Users(), mongoPages{users}, func(ctx context.Context, n int) error {
			const batch = 2000
			for first := 0; first < n; first += batch {
				var documents []bson.D
				for i := first; i < min(first+batch, n); i++ {
					documents = append(documents, userDocument(listedUser(i+1)))
				}
				if _, err := users.InsertMany(ctx, documents); err != nil {
					return err
				}
			}
			return nil
		}
	})
}

// mongoPages are the driver's commands over a plain client.
type mongoPages struct{ c *driver.Collection }

func (p mongoPages) List(ctx context.Context, after string, limit int) ([]kit.User, error) {
	return p.page(ctx, "_id", bson.D{{Key: "$gt", Value: after}}, limit)
}

func (p mongoPages) ListByEmail(ctx context.Context, prefix, after string, limit int) ([]kit.User, error) {
	prefix = strings.ToLower(prefix)
	end := prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1)
	within := bson.D{{Key: "$gt", Value: after}, {Key: "$lt", Value: end}}
	if prefix > after {
		within[0] = bson.E{Key: "$gte", Value: prefix}
	}
	return p.page(ctx, "email_key", within, limit)
}

func (p mongoPages) page(ctx context.Context, key string, within bson.D, limit int) ([]kit.User, error) {
	cursor, err := p.c.Find(ctx, bson.D{{Key: key, Value: within}},
		options.Find().SetSort(bson.D{{Key: key, Value: 1}}).SetLimit(int64(limit)).SetBatchSize(int32(limit)))
	if err != nil {
		return nil, err
	}
	var found []struct {
		ID              string   `bson:"_id"`
		Email           string   `bson:"email"`
		EmailKey        string   `bson:"email_key"`
		Username        string   `bson:"username"`
		Hash            string   `bson:"hashed_password"`
		Roles           []string `bson:"roles"`
		Settings        string   `bson:"user_settings"`
		Private         string   `bson:"private"`
		Factors         []string `bson:"factors"`
		Verified        bool     `bson:"is_verified"`
		Active          bool     `bson:"is_active"`
		SessionEpoch    int64    `bson:"session_epoch"`
		CredentialEpoch int64    `bson:"credential_epoch"`
		Created         int64    `bson:"created_at"`
		Updated         int64    `bson:"updated_at"`
		Version         int64    `bson:"version"`
		Form            int64    `bson:"form"`
	}
	if err := cursor.All(ctx, &found); err != nil {
		return nil, err
	}
	return counted(len(found)), nil
}
